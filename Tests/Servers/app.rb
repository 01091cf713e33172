# SPDX-License-Identifier: Apache-2.0

# What the Ruby servers serve: `/` at once, `/slow` after 300 ms.
module App
  ID = ENV.fetch('MAITRED_WORKER_ID')

  def self.answer(path)
    return "id=#{ID}\n" unless path == '/slow'

    sleep 0.3
    "id=#{ID}\n#{'.' * 100_000}\nwhole\n"
  end

  # Takes as long as the test wants: until it makes a file. Or fails.
  def self.load
    directory = ENV['LOAD_DIRECTORY']
    raise 'the application cannot be loaded' if ENV['LOAD_FAILS']
    return unless directory

    File.write("#{directory}/loading.#{ID}", '')
    sleep 0.01 until File.exist?("#{directory}/go")
  end
end

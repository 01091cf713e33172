# SPDX-License-Identifier: Apache-2.0

# Puma's configuration, with the application in it.

require_relative 'app'

bind "tcp://0.0.0.0:#{ENV.fetch('PORT')}"
threads 1, 4
environment 'production'
app do |env|
  body = App.answer(env['PATH_INFO'])
  [200, { 'content-type' => 'text/plain', 'content-length' => body.bytesize.to_s }, [body]]
end
App.load

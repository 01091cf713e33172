# SPDX-License-Identifier: Apache-2.0

require 'webrick'
require_relative 'app'

server = WEBrick::HTTPServer.new(
  Port: ENV.fetch('PORT').to_i, AccessLog: [], Logger: WEBrick::Log.new($stderr, WEBrick::Log::WARN)
)
server.mount_proc('/') { |request, response| response.body = App.answer(request.path) }
# Here clients could connect already.
App.load
server.start

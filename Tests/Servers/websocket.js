// SPDX-License-Identifier: Apache-2.0

// A message is a path, and its answer a message.

// Where Debian has it, whichever Node runs.
const { WebSocketServer } = require('/usr/share/nodejs/ws');
const app = require('./app');

new WebSocketServer({ port: Number(process.env.PORT) }).on('connection', socket => {
    socket.on('message', message => app.answer(String(message), body => socket.send(body)));
});
app.load();

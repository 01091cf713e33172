// SPDX-License-Identifier: Apache-2.0

// One event loop; closes by the kernel's number, not by the C library's function.

const app = require('./app');

require('http').createServer((request, response) => {
    app.answer(request.url, body => response.end(body));
}).listen(process.env.PORT);
// It listens now, and takes nothing before its event loop turns.
app.load();

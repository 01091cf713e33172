// SPDX-License-Identifier: Apache-2.0

// HTTP/2 without TLS, for clients that know beforehand.

const app = require('./app');

require('http2').createServer((request, response) => {
    app.answer(request.url, body => response.end(body));
}).listen(process.env.PORT);
app.load();

// SPDX-License-Identifier: Apache-2.0

// Starts a server as npm does: Node marks what it inherited to be closed in what it starts.

const [program, ...words] = process.argv.slice(2);
require('child_process').spawn(program, words, { stdio: 'inherit' }).on('exit', code => process.exit(code ?? 1));

// npm ws. Arguments: the port; the mode of compression: none, no-takeover or takeover (the default with compression);
// for TLS the files of a certificate and of its key.
const { readFileSync } = require('fs');
const http = require('http');
const https = require('https');
const { WebSocketServer } = require('ws');

const modes = {
  none: false,
  'no-takeover': { serverNoContextTakeover: true, clientNoContextTakeover: true },
  takeover: true,
};
const options = { noServer: true, perMessageDeflate: modes[process.argv[3] || 'none'] };
const echo = new WebSocketServer(options);
const broadcast = new WebSocketServer(options);

echo.on('connection', (socket) => {
  socket.on('error', () => {});
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});
broadcast.on('connection', (socket) => {
  socket.on('error', () => {});
  socket.on('message', (data, isBinary) => {
    for (const client of broadcast.clients) client.send(data, { binary: isBinary });
  });
});

const [cert, key] = process.argv.slice(4, 6).map((file) => readFileSync(file));
const server = cert ? https.createServer({ cert, key }) : http.createServer();
server.on('upgrade', (request, socket, head) => {
  const wanted = request.url === '/broadcast' ? broadcast : echo;
  wanted.handleUpgrade(request, socket, head, (client) => wanted.emit('connection', client, request));
});
server.listen(Number(process.argv[2]), '127.0.0.1', 4096);

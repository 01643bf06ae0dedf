// A room of Socket.IO: whoever connects is in it, and who emits "publish" has its text sent to all others as "message".
//
//     node socketio.js PORT
//
// WebSocket only, without compression. It sends no pings while a bench lasts, and forgets each request once it is upgraded,
// as its documentation advises for memory.

import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, {
  transports: ["websocket"],
  perMessageDeflate: false,
  httpCompression: false,
  serveClient: false,
  pingInterval: 3_600_000,
});

io.engine.on("connection", (socket) => {
  socket.request = null;
});
io.on("connection", (socket) => {
  socket.on("publish", (text) => socket.broadcast.emit("message", text));
});

http.listen(Number(process.argv[2]), "127.0.0.1", 4096);

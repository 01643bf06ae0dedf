// A room of `ws`: whoever connects is in it, and what comes in at /publish goes to all of them.
//
//     node ws.js PORT

import { WebSocketServer, WebSocket } from "ws";

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(process.argv[2]),
  perMessageDeflate: false,
  clientTracking: false,
  backlog: 4096,
});

const room = new Set();

server.on("connection", (socket, request) => {
  if (request.url === "/publish") {
    socket.on("message", (message) => {
      for (const viewer of room) {
        if (viewer.readyState === WebSocket.OPEN) viewer.send(message, { binary: false });
      }
    });
    return;
  }
  room.add(socket);
  socket.on("close", () => room.delete(socket));
  socket.on("error", () => socket.terminate());
});

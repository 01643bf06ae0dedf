// A room of uWebSockets: whoever connects is in it, and what comes in at /publish goes to all of them.
//
//     server PORT
//
// One thread, without TLS and compression. It sends no pings, and nobody who reads is cut off for being slow.

#include "App.h"

#include <cstdio>
#include <cstdlib>

struct Viewer {};

int main(int argc, char **argv) {
    const int port = argc == 2 ? std::atoi(argv[1]) : 0;
    if (port <= 0) {
        std::fprintf(stderr, "usage: server PORT\n");
        return 64;
    }
    uWS::App app;
    app.ws<Viewer>("/publish",
                   {.maxPayloadLength = 64 * 1024,
                    .idleTimeout = 0,
                    .message = [&app](auto *, std::string_view message, uWS::OpCode code) {
                        app.publish("room", message, code);
                    }});
    app.ws<Viewer>("/*", {.idleTimeout = 0,
                          .maxBackpressure = 16 * 1024 * 1024,
                          .open = [](auto *viewer) { viewer->subscribe("room"); }});
    app.listen("127.0.0.1", port, [](auto *socket) {
        if (socket == nullptr) {
            std::fprintf(stderr, "the port is busy\n");
            std::exit(1);
        }
    });
    app.run();
}

// A room of Centrifuge: who subscribes to "bench" is in it, and a POST to /publish sends its body to all of them.
//
//	server [-write-delay 50ms] [-compression] PORT
//
// JSON, without history and presence. Compression is as Tidegate has it: at level 2, of frames from 512 bytes on, and once for all
// to whom the same frame goes. It sends no pings while a bench lasts.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"log"
	"net/http"

	"github.com/centrifugal/centrifuge"
)

const (
	longestMessage = 64 * 1024
	preparedBytes  = 16 * 1024 * 1024
)

func main() {
	writeDelay := flag.Duration("write-delay", 0, "how long messages to a client wait to be sent together")
	compression := flag.Bool("compression", false, "whether clients that ask for permessage-deflate get it")
	flag.Parse()
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		log.Fatal(err)
	}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{
			Credentials:        &centrifuge.Credentials{},
			WriteDelay:         *writeDelay,
			WriteWithTimer:     true,
			MaxMessagesInFrame: -1,
		}, nil
	})
	node.OnConnect(func(client *centrifuge.Client) {
		client.OnSubscribe(func(_ centrifuge.SubscribeEvent, answer centrifuge.SubscribeCallback) {
			answer(centrifuge.SubscribeReply{}, nil)
		})
	})
	if err := node.Run(); err != nil {
		log.Fatal(err)
	}
	config := centrifuge.WebsocketConfig{
		UseWriteBufferPool:         true,
		ProcessCommandsOffReadLoop: true,
		PingPongConfig:             centrifuge.PingPongConfig{PingInterval: -1, PongTimeout: -1},
	}
	if *compression {
		config.Compression = true
		config.CompressionLevel = 2
		config.CompressionMinSize = 512
		config.CompressionPreparedMessageCacheSize = preparedBytes
	}
	http.Handle("/connection/websocket", centrifuge.NewWebsocketHandler(node, config))
	http.HandleFunc("/publish", func(answer http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(io.LimitReader(request.Body, longestMessage))
		if err == nil && !json.Valid(body) {
			body, err = json.Marshal(string(body))
		}
		if err == nil {
			_, err = node.Publish("bench", body)
		}
		if err != nil {
			http.Error(answer, err.Error(), http.StatusInternalServerError)
		}
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+flag.Arg(0), nil))
}

export { TidegateError } from "./error.js";
export { compareIds } from "./ids.js";
export { Room } from "./room.js";
/**
 * The client of Tidegate: join rooms, read them over one WebSocket, publish over HTTP.
 */
export type Message = import("./types.js").Message;
/**
 * The client of Tidegate: join rooms, read them over one WebSocket, publish over HTTP.
 */
export type Counters = import("./types.js").Counters;
/**
 * The client of Tidegate: join rooms, read them over one WebSocket, publish over HTTP.
 */
export type RoomInfo = import("./types.js").RoomInfo;
/**
 * The client of Tidegate: join rooms, read them over one WebSocket, publish over HTTP.
 */
export type Endpoint = import("./types.js").Endpoint;
/**
 * The client of Tidegate: join rooms, read them over one WebSocket, publish over HTTP.
 */
export type ConnectionState = import("./types.js").ConnectionState;
/**
 * The client of Tidegate: join rooms, read them over one WebSocket, publish over HTTP.
 */
export type RoomPhase = import("./types.js").RoomPhase;
/**
 * The client of Tidegate: join rooms, read them over one WebSocket, publish over HTTP.
 */
export type Options = import("./types.js").Options;
/**
 * The client of Tidegate: join rooms, read them over one WebSocket, publish over HTTP.
 */
export type JoinOptions = import("./types.js").JoinOptions;
/**
 * The client of Tidegate: join rooms, read them over one WebSocket, publish over HTTP.
 */
export type PublishOptions = import("./types.js").PublishOptions;
/**
 * The client of Tidegate: join rooms, read them over one WebSocket, publish over HTTP.
 */
export type Published = import("./types.js").Published;
/**
 * The client of Tidegate: join rooms, read them over one WebSocket, publish over HTTP.
 */
export type History = import("./types.js").History;
/**
 * The client of Tidegate: join rooms, read them over one WebSocket, publish over HTTP.
 */
export type Clock = import("./types.js").Clock;
export { Tidegate, VERSION } from "./tidegate.js";

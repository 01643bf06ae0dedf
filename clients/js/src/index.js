/**
 * The client of Tidegate: join rooms, read them over one WebSocket, publish over HTTP.
 *
 * @typedef {import('./types.js').Message} Message
 * @typedef {import('./types.js').Counters} Counters
 * @typedef {import('./types.js').RoomInfo} RoomInfo
 * @typedef {import('./types.js').Endpoint} Endpoint
 * @typedef {import('./types.js').ConnectionState} ConnectionState
 * @typedef {import('./types.js').RoomPhase} RoomPhase
 * @typedef {import('./types.js').Options} Options
 * @typedef {import('./types.js').JoinOptions} JoinOptions
 * @typedef {import('./types.js').PublishOptions} PublishOptions
 * @typedef {import('./types.js').Published} Published
 * @typedef {import('./types.js').History} History
 * @typedef {import('./types.js').Clock} Clock
 */

export { TidegateError } from './error.js';
export { compareIds } from './ids.js';
export { Room } from './room.js';
export { Tidegate, VERSION } from './tidegate.js';

import { constants, inflateRawSync } from 'node:zlib';

/** Of a frame's first byte: the message is compressed (RFC 7692, section 6). */
const RSV1 = 0x40;
/** What is stripped from a compressed message (section 7.2.1). */
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);

/**
 * The text messages of a server, from the bytes on the wire: after the answer to the upgrade, whole frames (RFC 6455, section 5.2).
 * @param {Buffer[]} chunks
 * @returns {{head: string, messages: {compressed: boolean, bytes: number, text: string}[]}}
 */
export function read(chunks) {
  const bytes = Buffer.concat(chunks);
  const end = bytes.indexOf('\r\n\r\n');
  const messages = [];
  let at = end < 0 ? bytes.length : end + 4;
  for (let frame; (frame = next(bytes, at)); at = frame.end) {
    const payload = bytes.subarray(frame.begin, frame.end);
    if ((frame.first & 0x0f) !== 1) continue;
    const compressed = (frame.first & RSV1) !== 0;
    const text = compressed ? inflateRawSync(Buffer.concat([payload, TAIL]), { finishFlush: constants.Z_SYNC_FLUSH }) : payload;
    messages.push({ compressed, bytes: payload.length, text: text.toString() });
  }
  return { head: bytes.toString('latin1', 0, Math.max(end, 0)), messages };
}

/** First byte, begin and end of the payload of the frame at `at`; null when it is not whole. @param {Buffer} bytes @param {number} at */
function next(bytes, at) {
  if (bytes.length < at + 2) return null;
  const short = bytes[at + 1];
  const begin = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
  if (bytes.length < begin) return null;
  const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
  return bytes.length < begin + length ? null : { first: bytes[at], begin, end: begin + length };
}

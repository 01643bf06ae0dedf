/**
 * @param {string} text Hashed as UTF-8.
 * @returns {string} 64 lower-case hex digits.
 */
export function sha256(text: string): string;

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lanes } from '../../clients/demo/lanes.js';

const CROSS_MS = 7500;
const GAP_PX = 28;

/** Where a comment's edges are at a time. */
function edges({ startMs, widthPx, stagePx }, nowMs) {
  const left = stagePx - ((nowMs - startMs) / CROSS_MS) * (stagePx + widthPx);
  return [left, left + widthPx];
}

test('comments of one lane never touch, whatever their widths', () => {
  let state = 1;
  const random = () => (state = (state * 16807) % 2147483647) / 2147483647;
  for (const stagePx of [360, 884, 1900]) {
    const lanes = new Lanes(CROSS_MS, GAP_PX);
    lanes.resize(4);
    const flown = [];
    for (let nowMs = 0; nowMs < 60_000; nowMs += 40) {
      const widthPx = 20 + random() ** 3 * 1200;
      const lane = lanes.take(widthPx, stagePx, nowMs);
      if (lane >= 0) flown.push({ lane, startMs: nowMs, widthPx, stagePx });
    }
    assert.ok(flown.length > 50);
    flown.forEach((next, i) => {
      const before = flown.slice(0, i).findLast(({ lane }) => lane === next.lane);
      if (!before) return;
      for (let nowMs = next.startMs; nowMs <= before.startMs + CROSS_MS; nowMs += 10) {
        assert.ok(edges(before, nowMs)[1] <= edges(next, nowMs)[0] + 0.001, `at ${nowMs} ms`);
      }
    });
  }
});

test('a free stage takes one comment in each lane, then none', () => {
  const lanes = new Lanes(CROSS_MS, GAP_PX);
  lanes.resize(3);
  assert.deepEqual([1, 2, 3, 4].map(() => lanes.take(100, 800, 0)), [0, 1, 2, -1]);
  lanes.resize(4);
  assert.equal(lanes.take(100, 800, 0), 3);
  assert.equal(lanes.take(100, 800, CROSS_MS), 0);
});

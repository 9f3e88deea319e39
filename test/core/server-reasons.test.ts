import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { plainReason, SyncError } from '../../core/sync-error.ts';

test("a server's reason is at most 200 plain characters, without markup, on one line", () => {
  const unit = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom(
      '<script>',
      '</b',
      '<img src=x onerror=alert(1)',
      '\u202e',
      '\u2028',
      '\u0000',
      '\ud83d',
      '<!--',
      '>',
    ),
  );
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 300 }), (parts) => {
      const reason = new SyncError('rejected', 'no', { reason: parts.join('') }).reason;
      if (reason === undefined) return;
      assert.ok(reason.length > 0 && reason.length <= 200);
      assert.doesNotMatch(reason, /[<>]/);
      assert.doesNotMatch(reason, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
    }),
  );
  assert.equal(plainReason('<h1>No</h1>\r\n<p>calendar here</p>'), 'No calendar here');
  assert.equal(plainReason(' \n<br>\t'), undefined);
  assert.equal(plainReason('valid-calendar-data: Line 3'), 'valid-calendar-data: Line 3');
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { normaliseAddress, uriOfAddress } from '../../core/calendar-address.ts';

/** RFC 3986: a scheme and what is not a space; or the absolute path that iCloud uses. */
const URI = /^(?:[A-Za-z][A-Za-z0-9+.-]*:|\/)[^\s]+$/;
const PIECES = [
  'mailto:',
  'MAILTO:',
  ' ',
  '\t',
  '\n',
  '/',
  ':',
  '@',
  'a',
  'B',
  '%20',
  'urn:',
  'http://',
  '\u00a0',
  '\u0007',
  'é',
  '\ud800',
];

describe('addresses of calendar users', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['Ann@Example.com', 'ann@example.com', 'mailto:ann@example.com'],
    ['MAILTO:Ann@Example.com', 'ann@example.com', 'mailto:ann@example.com'],
    ['mailto:mailto:ann@example.com', 'ann@example.com', 'mailto:ann@example.com'],
    ['mailto: ann@example.com', 'ann@example.com', 'mailto:ann@example.com'],
    ['mailto:ops/night@example.com', 'ops/night@example.com', 'mailto:ops/night@example.com'],
    ['John Smith', 'john%20smith', 'mailto:john%20smith'],
    [
      '/O=ExchangeLabs/OU=Exchange Administrative Group (FYDIBOHF23SPDLT)/CN=Ann',
      '/O=ExchangeLabs/OU=Exchange%20Administrative%20Group%20(FYDIBOHF23SPDLT)/CN=Ann',
      '/O=ExchangeLabs/OU=Exchange%20Administrative%20Group%20(FYDIBOHF23SPDLT)/CN=Ann',
    ],
    ['/1234/principal/', '/1234/principal/', '/1234/principal/'],
    ['urn:uuid:1-2', 'urn:uuid:1-2', 'urn:uuid:1-2'],
    ['::', '::', 'mailto:::'],
    ['mailto:', '', 'mailto:'],
    ['a\u0007b@c.d', 'ab@c.d', 'mailto:ab@c.d'],
  ];
  for (const [text, address, uri] of cases)
    test(`${JSON.stringify(text)} is ${address || 'no address'}`, () => {
      assert.equal(normaliseAddress(text), address);
      assert.equal(uriOfAddress(address), uri);
    });

  test('any text is written as a valid URI, which is read as the same address', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom(...PIECES), maxLength: 12 }),
    );
    fc.assert(
      fc.property(text, (value) => {
        const address = normaliseAddress(value);
        assert.equal(normaliseAddress(address), address);
        if (address === '') return;
        const uri = uriOfAddress(address);
        assert.match(uri, URI);
        assert.equal(normaliseAddress(uri), address);
      }),
      { numRuns: 2_000 },
    );
  });
});

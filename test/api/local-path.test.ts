import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { localPath, withQuery } from '../../api/local-path.ts';

test('paths of this installation stay as they are', () => {
  for (const path of [
    '/',
    '/settings/integrations/icloud',
    '/a?b=c&next=https%3A%2F%2Fother.example',
    '/#/accounts',
    '/a/../b?x=%2F%2F#/y',
  ])
    assert.equal(localPath(path), path === '/a/../b?x=%2F%2F#/y' ? '/b?x=%2F%2F#/y' : path);
});

test('addresses that a browser, or something in front of it, could read as another host are refused', () => {
  for (const path of [
    '',
    'a',
    'https://evil.example/',
    'javascript:alert(1)',
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '\\/evil.example',
    '/\\/evil.example',
    '/\t/evil.example',
    '/\n/evil.example',
    ' //evil.example',
    '/%2F/evil.example',
    '/%2f%2fevil.example',
    '/%252F/evil.example',
    '/%5Cevil.example',
    '/%255cevil.example',
    '/%09/evil.example',
    '/%0d%0aLocation:%20https://evil.example',
    '/.//evil.example',
    '/a/..//evil.example',
    '/%2e//evil.example',
    '/%2e/%2fevil.example',
    '/a/%2e%2e//evil.example',
    '/a\u0000b',
    '/\u200b/evil.example',
    '/a b',
    '/%',
    '/%ff',
    `/${'a'.repeat(2001)}`,
  ])
    assert.equal(localPath(path), null, JSON.stringify(path));
});

test('whatever is accepted leads to the same host for every reader, once decoded or twice', () => {
  const piece = fc.constantFrom(
    '/',
    '\\',
    '.',
    '..',
    '%2f',
    '%5C',
    '%252f',
    '%2e',
    '\t',
    '%09',
    'a',
    '@',
    ':',
    '?',
    '#',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const path = localPath(`/${pieces.join('')}`);
      if (path === null) return;
      let read = path;
      for (let round = 0; round < 3; round += 1) {
        assert.equal(new URL(read, 'https://here.example/x').host, 'here.example', path);
        const [front = '', ...rest] = read.split(/(?=[?#])/);
        read = decodeURIComponent(front) + rest.join('');
      }
    }),
    { numRuns: 3000 },
  );
});

test('an error goes into the query, in front of the fragment', () => {
  assert.equal(withQuery('/#/accounts', { error: 'x' }), '/?error=x#/accounts');
  assert.equal(withQuery('/a?error=old&b=1', { error: 'new' }), '/a?error=new&b=1');
});

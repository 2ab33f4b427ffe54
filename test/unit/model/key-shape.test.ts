import { describe, expect, test } from 'vitest';
import { shapeOf, shapeOfPrefix } from '../../../src/model/key-shape.ts';

describe('how a key reads as a path', () => {
  test.each(['a', 'a/b', 'a.b', '.a', '..a', 'a/.b', 'a/...', 'a/b..', 'a\\b', ' a', 'a/ /b'])('%j is plain', (key) => {
    expect(shapeOf(key)).toBe('plain');
  });

  test.each(['a/', 'a/b/', '.a/', '.../'])('%j is a directory`s name', (key) => {
    expect(shapeOf(key)).toBe('directory');
  });

  test.each(['/', '/a', '//a', 'a//b', 'a//', 'a/./b', './a', '.', '..', 'a/..', 'a/../b', '../a', 'a/.', './', '../'])(
    '%j has segments that a file system drops or follows',
    (key) => {
      expect(shapeOf(key)).toBe('path');
    },
  );

  test('behind the last slash of a prefix stands only the beginning of a segment', () => {
    for (const plain of ['', 'a', 'a/', 'a/b', '.', '..', 'a/.', 'a/..', 'a/b/'])
      expect(shapeOfPrefix(plain), plain).toBe('plain');
    for (const odd of ['/', '/a', 'a//', 'a//b', './', '../', 'a/./', 'a/../b'])
      expect(shapeOfPrefix(odd), odd).toBe('path');
  });
});

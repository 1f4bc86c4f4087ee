/** Proves that code, comments and strings are told apart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maskSource } from '#test/tidy/mask-source.ts';

for (const [what, text, code, literals] of [
  ['comments', 'a // b\nc /* d\n */ e', 'a     \nc     \n    e', []],
  ['strings', `a('b//c', "d\\"e")`, `a('    ', "    ")`, ['b//c', 'd\\"e']],
  ['templates', 'a`b${c + `d${e}`}f`', 'a` ${c + ` ${e}`} `', ['d ', 'b f']],
  ['braces in templates', '`${ {a: 1}.a }x`+y', '`${ {a: 1}.a } `+y', [' x']],
  ['expressions', `a = /['"/]\\//g; b = 'c'`, `a = /       /g; b = ' '`, ['c']],
  ['divisions', `a / b / 'c'`, `a / b / ' '`, ['c']],
  ['expressions after words', `return /'/.test(a)`, `return / /.test(a)`, []],
] as const) {
  test(`${what} are blanked in place`, () => {
    const masked = maskSource(text);
    assert.equal(masked.code, code);
    assert.deepEqual(
      masked.literals.map((literal) => literal.text),
      literals,
    );
  });
}

test('files that end too early are masked to their end', () => {
  for (const text of ['/* a', "'a", '`a${b', '`', '/', "'\\", '// a'])
    assert.equal(maskSource(text).code.length, text.length);
});

/** Owns one thing that an operator set, as the file and the environment both give it, before it is judged. */
import type { ConfigProblem } from '#config/config-error.ts';
import type { RawValue } from '#config/value-types.ts';

export type Setting = {
  /** `file:line`, or the variable's name. */
  readonly where: string;
  /** The key's name as it was written, `_file` included. */
  readonly written: string;
  /** The value, or the path of the file that holds it. */
  readonly raw: RawValue;
  readonly isFile: boolean;
};

/** What one source gives: settings by the path of their key, and what was wrong with it. */
export type Settings = { readonly byPath: Map<string, Setting>; readonly problems: ConfigProblem[] };

/** Adds a setting, unless its key was already set by its other form, which is a problem. */
export function addSetting({ byPath, problems }: Settings, path: string, setting: Setting): void {
  const other = byPath.get(path);
  if (other === undefined) byPath.set(path, setting);
  else {
    const message = `${setting.written} and ${other.written} (${other.where}) set the same thing: keep one of them.`;
    problems.push({ where: setting.where, key: path, message });
  }
}

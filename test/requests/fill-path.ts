/** Owns filling the parameters of a path template. */

/** By name of the parameter, its value before encoding. */
export type PathValues = Readonly<Record<string, string>>;

/** The names in a template, in order: `/rooms/{roomId}/ban` has `roomId`. */
export function parametersOf(template: string): string[] {
  return [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');
}

/** The template with every parameter percent-encoded. Throws for a parameter that has no value. */
export function fillPath(template: string, values: PathValues): string {
  return template.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`The parameter ${name} of ${template} has no value to be tested with.`);
    return encodeURIComponent(value);
  });
}

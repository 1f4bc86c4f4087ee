/** Owns the order of the stages of user-interactive authentication. */

export type UiaStage = 'm.login.dummy' | 'm.login.password' | 'm.login.registration_token';

/** The stages that a client completes one after the other. */
export type UiaFlow = readonly UiaStage[];

/** Whether the completed stages are those of a whole flow. */
export function isCompleteUia(flows: readonly UiaFlow[], completed: readonly string[]): boolean {
  return flows.some((flow) => flow.length === completed.length && begins(flow, completed));
}

/** The stages that may be attempted now: in each flow that was begun, the one after the completed ones. */
export function selectNextStages(flows: readonly UiaFlow[], completed: readonly string[]): ReadonlySet<string> {
  const next = new Set<string>();
  for (const flow of flows) {
    const stage = flow[completed.length];
    if (stage !== undefined && begins(flow, completed)) next.add(stage);
  }
  return next;
}

function begins(flow: UiaFlow, completed: readonly string[]): boolean {
  return completed.every((stage, index) => flow[index] === stage);
}

/** Why a stage was not completed, for the client. */
export type UiaFailure = { readonly errcode: string; readonly error: string };

/** What a stage says to what the client sent for it. */
export type StageVerdict =
  | { readonly passed: true; readonly registrationToken?: string | undefined }
  | { readonly passed: false; readonly failure: UiaFailure };

/** The verdict on a stage that was not completed; the code is M_FORBIDDEN unless given. */
export function failStage(error: string, errcode = 'M_FORBIDDEN'): StageVerdict {
  return { passed: false, failure: { errcode, error } };
}

/** The body of the 401 that asks for the next stage. Specification: Client-Server API, "User-Interactive API in the REST API". */
export function buildUiaChallenge(
  session: string,
  flows: readonly UiaFlow[],
  completed: readonly string[],
  failure?: UiaFailure,
): Record<string, unknown> {
  return { ...failure, flows: flows.map((stages) => ({ stages })), params: {}, session, completed };
}

/** Owns what the server says when it is ready: above all, what somebody who is new here does next. */
import type { Config } from '#config/schema.ts';
import { readVersion } from '#core/version.ts';

export type RunningServer = {
  /** The URL of the Matrix API, as this machine reaches it. */
  readonly url: string;
  /** The token with which people may register, when registration goes by token. */
  readonly registrationToken?: string | undefined;
};

export function welcome(config: Config, { url, registrationToken }: RunningServer): string {
  const publicUrl = config.publicUrl ?? url;
  const steps = [
    'Create your account:         npx causeway create-user',
    `Open a Matrix client:        Element (https://element.io/download), for example`,
    `Sign in, with homeserver:    ${publicUrl}`,
  ];
  const lines = [
    `Causeway ${readVersion()} is ready at ${publicUrl}`,
    `Server name ${config.serverName}, data in ${config.dataDir}`,
    '',
    ...steps.map((step, index) => `  ${index + 1}. ${step}`),
    '',
    `  ${registrationSentence(config, registrationToken)}`,
  ];
  if (config.trial) {
    lines.push(
      '  This is a trial without federation. The server name can never be changed later: to run a server for others,',
      '  set server_name (CAUSEWAY_SERVER_NAME) and start with an empty data directory.',
    );
  }
  return `${[...lines, '  Ctrl-C stops the server.'].join('\n')}\n`;
}

function registrationSentence(config: Config, registrationToken: string | undefined): string {
  const { mode } = config.registration;
  if (mode === 'open') return 'Anybody who reaches this server can register.';
  if (mode === 'token' && registrationToken !== undefined) {
    return `Others can register in their client with the registration token ${registrationToken}`;
  }
  return 'Nobody else can register; "causeway create-user" creates their accounts too.';
}

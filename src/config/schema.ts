/** Owns the one table of configuration keys: types, defaults and prose; everything else about them is derived. */
import { group, key, names, optionalKey, type ValuesOf } from '#config/key.ts';
import { baseUrl, dnsServer, listenAddress, networkRange, postgresUrl, redisUrl } from '#config/network-types.ts';
import { isOwnServerName } from '#config/server-name.ts';
import { flag, integer, list, oneOf, orOff, pattern, positiveNumber } from '#config/value-types.ts';
import { scalar, text } from '#config/value-types.ts';
import type { LogLevel } from '#core/logger.ts';
import { roomVersions } from '#matrix/room-versions.ts';

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const satisfies LogLevel[];

const serverName = scalar(
  'a server name as the Matrix specification defines it: a host name, an IPv4 address or an IPv6 address in square ' +
    'brackets, with `:port` if need be; at most 230 characters',
  (raw) => (isOwnServerName(raw) ? raw : undefined),
);

/** How often one class of request is allowed to each caller: a bucket of `burst` tokens that refills steadily. */
function rateLimitClass(what: string, perSecond: string, burst: string) {
  return group(`${what}.`, {
    per_second: key(positiveNumber(100_000), {
      default: perSecond,
      prose: 'Requests allowed in each second, over time.',
    }),
    burst: key(integer(1, 1_000_000), { default: burst, prose: 'Requests allowed at once, after a quiet time.' }),
  });
}

/** The keys in the order of the documents. Names are those of the file; `Config` has them in camel case. */
export const configSchema = {
  server_name: optionalKey(serverName, {
    example: 'example.org',
    prose:
      'The name of this server: what stands after the colon in `@alice:example.org`. It can never be changed later. ' +
      'Without it the data directory is a trial: the server is called `localhost` and does not federate.',
  }),
  data_dir: key(text(1000), {
    default: './data',
    prose: 'The directory of everything that the server keeps. A relative path starts at the working directory.',
  }),
  listen: key(listenAddress, {
    default: '127.0.0.1:8008',
    prose: 'Where the Matrix API listens, in plain HTTP.',
  }),
  tls: group('TLS of its own, for servers without a reverse proxy. The three keys belong together.', {
    listen: optionalKey(listenAddress, {
      example: '0.0.0.0:8448',
      prose: 'Where the Matrix API listens with TLS 1.2 or 1.3, for clients and for other servers.',
    }),
    certificate: optionalKey(text(1000), {
      example: './tls/fullchain.pem',
      prose: 'The file of the certificate and its chain, in PEM. It and the key are read again when they change.',
    }),
    key: optionalKey(text(1000), {
      example: './tls/privkey.pem',
      prose: 'The file of the private key, in PEM, without a passphrase.',
    }),
  }),
  public_url: optionalKey(baseUrl, {
    example: 'https://matrix.example.org',
    prose: 'The URL by which clients reach this server, usually that of a reverse proxy. Published to clients.',
  }),
  trusted_proxies: key(list('a list of IP addresses and ranges such as `10.0.0.0/8`', networkRange, 1000), {
    default: '',
    prose:
      "Reverse proxies whose `X-Forwarded-For` is believed. Without any, the caller's address is that of the connection.",
  }),
  log: group('Logs: JSON lines on standard error.', {
    level: key(oneOf(logLevels), { default: 'info', prose: 'The least severe level that is written.' }),
  }),
  database: group('The database. PostgreSQL 14 or newer.', {
    url: optionalKey(postgresUrl, {
      example: 'postgresql://causeway:password@localhost/causeway',
      secret: true,
      prose:
        'A PostgreSQL of your own; its database must have the collation C. Without it the server runs an embedded ' +
        'PostgreSQL in the data directory.',
    }),
    pool_size: key(integer(2, 1000), { default: '10', prose: 'How many connections a process opens at most.' }),
    pool_waiters_max: key(integer(100, 1_000_000), {
      default: '10000',
      prose: 'How many statements wait for a connection at most; more are refused, and their requests answered 503.',
    }),
    query_ms_max: key(integer(1_000, 3_600_000), {
      default: '15000',
      prose: 'For how long a statement of a request may run, in milliseconds; then its request is answered 503.',
    }),
  }),
  redis: group('Redis 6 or newer, or Valkey, for several processes.', {
    url: optionalKey(redisUrl, {
      example: 'redis://localhost:6379',
      secret: true,
      prose:
        'Carries wake-ups between the processes of this server, in place of NOTIFY in PostgreSQL. Nothing is kept in it: ' +
        'while it is away, processes look by themselves several times a second, and nothing is lost.',
    }),
  }),
  registration: group('Who may make an account.', {
    mode: key(oneOf(['token', 'open', 'closed']), {
      default: 'token',
      prose: '`token`: whoever knows a registration token; `open`: everybody; `closed`: nobody but the operator.',
    }),
    guests: key(flag, {
      default: 'false',
      prose:
        'Whether anybody gets an account as a guest, without a password: to look into rooms that the world may read, ' +
        'and to join those that take guests.',
    }),
    token: optionalKey(pattern('1 to 64 letters, digits and any of `.`, `_`, `~`, `-`', /^[A-Za-z0-9._~-]{1,64}$/), {
      example: 'a-long-random-word',
      secret: true,
      prose: 'A fixed registration token. Without it one is made at the first start.',
    }),
  }),
  passwords: group('Passwords of accounts.', {
    length_min: key(integer(1, 128), { default: '8', prose: 'The fewest characters of a new password.' }),
  }),
  sessions: group('Logins.', {
    access_token_lifetime_ms: key(integer(1_000, 2_592_000_000), {
      default: '3600000',
      prose:
        'For how long an access token is good, in milliseconds, if its client can refresh it. Those of other clients never expire.',
    }),
  }),
  admin: group('Administration.', {
    shared_secret: optionalKey(text(1000), {
      example: 'another-long-random-word',
      secret: true,
      prose:
        'Whoever knows it can register accounts, administrators too, at `/_synapse/admin/v1/register`. Without it that ' +
        'endpoint does not exist.',
    }),
  }),
  federation: group('Other servers.', {
    ca_file: optionalKey(text(1000), {
      example: './private-ca.pem',
      prose: 'A file of certificates in PEM that are trusted for other servers, beside the public authorities.',
    }),
    verify_certificates: key(flag, {
      default: 'true',
      prose: 'Whether the certificates of other servers must be valid. Switch it off in closed test networks only.',
    }),
    timeout_ms: key(integer(1_000, 600_000), {
      default: '30000',
      prose: 'How long an answer of another server may take, in milliseconds, where nothing else is said.',
    }),
    answer_bytes_max: key(integer(65_536, 1_073_741_824), {
      default: '16777216',
      prose: 'The most bytes of an answer of another server, where nothing else is said.',
    }),
    join_bytes_max: key(integer(65_536, 1_073_741_824), {
      default: '134217728',
      prose:
        'The most bytes of the state that another server tells of a room which is joined: enough for 100,000 members.',
    }),
    members_wait_ms: key(integer(1_000, 600_000), {
      default: '30000',
      prose:
        'How long a request that needs all members of a room waits while they are still being fetched from other servers, ' +
        'in milliseconds.',
    }),
    body_bytes_max: key(integer(65_536, 1_073_741_824), {
      default: '13107200',
      prose: "The most bytes of another server's request: 200 events of the largest size.",
    }),
    inbound_events_max: key(integer(100, 10_000_000), {
      default: '10000',
      prose: 'How many events of one other server may wait to be worked through; more transactions are answered 503.',
    }),
    inbound_bytes_max: key(integer(1_048_576, 17_179_869_184), {
      default: '67108864',
      prose: "The most bytes of other servers' events that a process holds; the others wait in the database.",
    }),
    inbound_transactions_max: key(integer(1, 1000), {
      default: '4',
      prose: 'How many transactions of one other server a process takes at a time; more are answered 503.',
    }),
    gaps_at_once_max: key(integer(1, 1000), {
      default: '10',
      prose: 'In how many rooms a process fetches missing events from other servers at a time.',
    }),
    connections_per_server_max: key(integer(1, 100), {
      default: '4',
      prose: 'How many connections a process has to one other server at most.',
    }),
    requests_max: key(integer(10, 100_000), {
      default: '2000',
      prose: 'How many requests to other servers a process has under way at most; more are not sent.',
    }),
    requests_per_server_max: key(integer(2, 10_000), {
      default: '100',
      prose: 'How many of them may be to one server.',
    }),
    key_notaries: key(list('a list of server names', serverName, 10), {
      default: '',
      prose:
        'Servers that are believed what the signing keys of others are, when those cannot be asked themselves. Whoever ' +
        'runs one of them can write events in the name of servers that are gone.',
    }),
    sends_max: key(integer(1, 10_000), {
      default: '100',
      prose: 'To how many other servers a process sends at a time.',
    }),
    send_timeout_ms: key(integer(1_000, 600_000), {
      default: '60000',
      prose:
        'How long another server may take to acknowledge what it is sent, in milliseconds, once it has been carried there at 8 kB a second.',
    }),
    transaction_bytes_max: key(integer(65_536, 104_857_600), {
      default: '524288',
      prose:
        'The most bytes of events that another server is sent at once. A slow link has to carry them within two minutes.',
    }),
    catch_up_events_max: key(integer(1, 100_000), {
      default: '1000',
      prose:
        'A server that was away is sent all events that it missed of a room, if they are no more than these; else the ' +
        'newest one, from which it finds the others.',
    }),
    retry_ms_max: key(integer(1_000, 86_400_000), {
      default: '3600000',
      prose: 'How long another server that is not reached is left alone at most, in milliseconds.',
    }),
  }),
  network: group('Where this server connects to by itself.', {
    allow_ranges: key(list('a list of IP addresses and ranges such as `10.0.0.0/8`', networkRange, 1000), {
      default: '',
      prose:
        'Private and other special addresses that may be connected to all the same. Without any, names that others ' +
        'choose lead to public addresses only.',
    }),
    dns_servers: key(list('a list of IP addresses, each with `:port` if need be', dnsServer, 10), {
      default: '',
      prose:
        'The name servers that are asked for the addresses of other servers; those of the system if none are given.',
    }),
  }),
  user_directory: group('Finding other users.', {
    search_all_users: key(flag, {
      default: 'false',
      prose:
        'Whether everybody finds all users of this server. Otherwise a user finds those in rooms of theirs and in public rooms.',
    }),
  }),
  turn: group('A relay for calls between clients that cannot reach each other, such as coturn.', {
    uris: key(list('a list of `turn:` and `turns:` URIs', pattern('a TURN URI', /^turns?:[^\s,]{1,500}$/), 20), {
      default: '',
      prose:
        'Where the relay is, for example `turn:turn.example.org:3478?transport=udp`. Without any, clients get none.',
    }),
    shared_secret: optionalKey(text(1000), {
      example: 'the-static-auth-secret-of-coturn',
      secret: true,
      prose: "The secret that the relay shares with this server: coturn's `static-auth-secret`.",
    }),
    lifetime_s: key(integer(60, 604_800), {
      default: '86400',
      prose: 'For how long a client may use what it was given, in seconds.',
    }),
  }),
  rooms: group('Rooms.', {
    default_version: key(oneOf([...roomVersions.keys()]), {
      default: '12',
      prose: 'The room version of a new room whose creator asks for none.',
    }),
    purge_forgotten: key(flag, {
      default: 'false',
      prose:
        'Whether a room is removed, with all that was said in it, when the last user of this server has left and forgotten ' +
        'it. Without it a room stays until an operator removes it with `causeway purge-room`.',
    }),
  }),
  presence: group('Who is online.', {
    enabled: key(flag, {
      default: 'true',
      prose:
        'Whether users are told which of the others in their rooms are online. Nobody is in rooms of more than 500.',
    }),
  }),
  limits: group('Limits on requests.', {
    body_bytes_max: key(integer(65_536, 1_073_741_824), {
      default: '1048576',
      prose: 'The largest JSON body of a request, in bytes.',
    }),
    sync_timeout_ms_max: key(integer(0, 3_600_000), {
      default: '180000',
      prose:
        'The longest time for which `/sync` waits for something new, in milliseconds, whatever the client asks for.',
    }),
    body_bytes_in_flight_max: key(integer(1_048_576, 17_179_869_184), {
      default: '134217728',
      prose: 'The most bytes that the bodies of all requests under way have together; more are answered 503.',
    }),
    waiting_syncs_max: key(integer(1, 1_000_000), {
      default: '20000',
      prose: 'How many requests of a process may wait for something new at a time; more are answered 503.',
    }),
  }),
  rate_limits: group('How often callers may do what.', {
    enabled: key(flag, { default: 'true', prose: 'Whether requests are limited at all.' }),
    wrong_passwords: rateLimitClass('Wrong passwords for one account, from wherever they come', '0.2', '20'),
    claimed_keys: rateLimitClass(
      'One-time keys of one device that one user, or one server, claims; who claims more gets the fallback key',
      '0.1',
      '50',
    ),
    server_requests_max: key(integer(1, 100_000), {
      default: '100',
      prose: 'How many requests of one other server may be under way at a time in a process; more are answered 429.',
    }),
    classes: names('The classes of requests, each with its own limit for each caller.', {
      default: rateLimitClass('Requests that no other class names', '50', '200'),
      login: rateLimitClass('Logging in', '0.5', '10'),
      register: rateLimitClass('Making an account', '0.2', '10'),
      send: rateLimitClass('Sending events and state', '10', '100'),
      join: rateLimitClass('Joining, inviting and knocking', '2', '50'),
      create_room: rateLimitClass('Creating rooms', '0.5', '20'),
      sync: rateLimitClass('Asking for what is new', '20', '100'),
      federation: rateLimitClass('All requests of another server', '100', '2000'),
    }),
  }),
  storage: group('How writes wait, and are gathered into one transaction. What does not fit is answered 503.', {
    batch_rooms_max: key(integer(1, 1000), { default: '64', prose: 'The most rooms in one batch of writes.' }),
    batch_events_max: key(integer(1, 10_000), { default: '200', prose: 'The most events in one batch of writes.' }),
    batch_bytes_max: key(integer(65_536, 100_000_000), {
      default: '2000000',
      prose: 'The most bytes of event JSON in one batch of writes.',
    }),
    queue_rooms_max: key(integer(10, 1_000_000), {
      default: '5000',
      prose: 'The most rooms of which events wait to be written.',
    }),
    queue_events_max: key(integer(100, 1_000_000), { default: '10000', prose: 'The most events that wait.' }),
    queue_bytes_max: key(integer(1_048_576, 17_179_869_184), {
      default: '67108864',
      prose: 'The most bytes of events that wait.',
    }),
    queue_ms_max: key(integer(100, 600_000), {
      default: '15000',
      prose: 'For how long a write waits while the database cannot take it, in milliseconds.',
    }),
    stream_queue_max: key(integer(100, 1_000_000), {
      default: '10000',
      prose: 'The most writes of each kind beside events that wait: receipts, messages to devices, keys, typing.',
    }),
  }),
  retention: group('How long data is kept that has served its purpose.', {
    redacted_content_days: key(orOff(integer(0, 36_500)), {
      default: '7',
      prose:
        'For how many days the content of a redacted event stays in the database, where nobody but the operator can ' +
        'read it. Then it is removed for good.',
    }),
  }),
  metrics: group('Health, readiness and metrics, on a listener of their own.', {
    listen: key(orOff(listenAddress), {
      default: '127.0.0.1:9008',
      prose: 'Where `/health`, `/ready` and `/metrics` are served. Keep it away from the public.',
    }),
  }),
};

/** The configuration as the program has it: the keys of the table in camel case, frozen, and what follows from them. */
export type Config = Omit<ValuesOf<typeof configSchema>, 'serverName'> & {
  readonly serverName: string;
  /** No name was configured: the directory is for trying out only, and never federates. */
  readonly trial: boolean;
};

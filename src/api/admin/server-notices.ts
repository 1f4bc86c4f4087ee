/** Owns the endpoints by which administrators send notices in the name of the server. */
import { Type, type Static } from 'typebox';
import { eventContent } from '#api/client/event-content.ts';
import { randomToken } from '#core/random.ts';
import { endpoint, type Principal } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';
import { sendServerNotice as send, type NoticeParts } from '#rooms/notices/send-server-notice.ts';
import { requireAdmin } from '#users/require-admin.ts';

// Nothing is required here: whoever may not send is told that first.
const body = Type.Object({
  user_id: Type.Optional(Type.String()),
  type: Type.Optional(Type.String()),
  content: Type.Optional(eventContent),
});
const path = '/_synapse/admin/v1/send_server_notice';
const spec = 'own: the Admin API that scripts and suites know';

export const sendServerNotice = endpoint({
  operation: 'admin.sendServerNotice',
  method: 'POST',
  path,
  auth: 'user',
  rateLimit: 'send',
  numbers: 'canonical',
  spec,
  body,
  handler: (context: NoticeParts, request) => answerNotice(context, request, randomToken()),
});

export const repeatServerNotice = endpoint({
  operation: 'admin.repeatServerNotice',
  method: 'PUT',
  path: `${path}/{txnId}`,
  auth: 'user',
  rateLimit: 'send',
  numbers: 'canonical',
  idempotency: 'txnId',
  spec,
  body,
  handler: (context: NoticeParts, request) => answerNotice(context, request, request.params.txnId),
});

async function answerNotice(
  context: NoticeParts,
  request: { readonly principal: Principal; readonly body: Static<typeof body> },
  txnId: string,
): Promise<{ event_id: string }> {
  const { principal } = request;
  await requireAdmin(context.database, principal);
  const { user_id: userId, type = 'm.room.message', content } = request.body;
  if (userId === undefined || content === undefined) {
    throw new MatrixError('M_MISSING_PARAM', 'The body needs "user_id" and "content".');
  }
  const replay = { deviceNid: principal.deviceNid, path: `sendServerNotice/${userId}/${type}`, txnId };
  return { event_id: await send(context, { userId, type, content, replay }) };
}

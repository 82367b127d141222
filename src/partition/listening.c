// LISTEN, UNLISTEN, NOTIFY: words that an atom tells the sessions when it has committed.
//
//   NOTIFY: change list of an atom or branch -- committed --> trunk.signals -- listening_hear --> notices of who listens
//                                            -- undone ----> gone                                    |  at rest
//                                                                                   NotificationResponse, durable
//
// 1. A word is an entry of the change list (CHANGE_SIGNAL): savepoints, failures and a script that runs again treat it
//    like the changes beside it. It is not logged: whoever listens is gone with the process.
// 2. A session is told between its groups of messages and outside of a transaction, in the order of the commits.
// 3. What waits for a session has a bound, and so has what waits for all of them; beyond it a conversation ends, as some of
//    it would be missing: the session's own, or the one for which most waits.
// 4. partition->channels and the sessions' channels say the same: a session stands once among a channel's listeners for
//    each time that it has the channel.
#include <stdlib.h>

#include "base/limits.h"
#include "base/sqlstate.h"
#include "partition/state.h"

enum { PAYLOAD_LIMIT = 8000, CHANNEL_LIMIT = 64 };
enum { SIGNALS_KEPT = 1024 * 1024 }; // bytes of a buffer that is empty again
enum { SIGNAL_HEAD = 10 }; // kind, session (4), backend (4), size of the channel's name

// --- Saying -----------------------------------------------------------------------------------------------

static int check_notification(const struct value *channel, const struct value *payload, struct error *error)
{
  const char *wrong = channel->is_null || !channel->size                           ? "channel name cannot be empty"
                      : channel->size >= CHANNEL_LIMIT                             ? "channel name too long"
                      : !payload->is_null && payload->size >= PAYLOAD_LIMIT ? "payload string too long"
                                                                                   : NULL;
  return wrong ? error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "%s", wrong) : 0;
}

static bool may_listen(const struct session *session, struct bytes channel)
{
  return session->channels.count < LIMIT_CHANNELS || map_get(&session->channels, channel);
}

// kind: 'L' with a channel, 'U' (without one: all), 'N' with a payload.
static int say(struct evaluation *evaluation, char kind, const struct value *channel, const struct value *payload)
{
  const struct run_context *context = evaluation->context;
  if (!context->writer)
    return error_set(evaluation->error, SQLSTATE_FEATURE_NOT_SUPPORTED, "NOTIFY is not supported here");
  size_t payload_size = payload && !payload->is_null ? payload->size : 0;
  uint8_t signal[SIGNAL_HEAD + CHANNEL_LIMIT + PAYLOAD_LIMIT];
  signal[0] = (uint8_t)kind;
  put_le32(signal + 1, context->session ? context->session->id : 0);
  put_le32(signal + 5, context->session ? (uint32_t)context->session->settings.backend : 0);
  signal[9] = (uint8_t)channel->size;
  memcpy(signal + SIGNAL_HEAD, channel->data, channel->size);
  if (payload_size)
    memcpy(signal + SIGNAL_HEAD + channel->size, payload->data, payload_size);
  struct bytes bytes = bytes_of(signal, SIGNAL_HEAD + channel->size + payload_size);
  struct change_list *changes = context->writer->changes;
  if (kind == 'N' && changes->signals > LIMIT_NOTIFICATIONS)
    return error_set(evaluation->error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "too many notifications in the NOTIFY queue");
  if (kind == 'L' && !may_listen(context->session, bytes_of(channel->data, channel->size)))
    return error_set(evaluation->error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "a session listens on at most %d channels",
                     LIMIT_CHANNELS);
  return change_signal(changes, context->said_from, bytes) ? 0 : error_memory(evaluation->error);
}

// Pools of drivers send UNLISTEN * where nobody listens.
static bool is_idle_word(const struct evaluation *evaluation)
{
  const struct run_context *context = evaluation->context;
  return context->session && !context->session->channels.count && context->writer && !context->writer->changes->signals;
}

// The channel with this number, from 0; NULL behind the last.
static int channel_name(struct evaluation *evaluation, int64_t number, struct value *result)
{
  const struct run_context *context = evaluation->context;
  struct map_entry *entry = NULL;
  size_t at = 0;
  for (int64_t i = 0; context->session && i <= number; i++)
    entry = map_next(&context->session->channels, &at);
  *result = entry ? value_bytes(entry->key, (uint32_t)entry->key_size) : value_null();
  return value_copy(TYPE_TEXT, result, evaluation->arena) ? 0 : error_memory(evaluation->error);
}

// The larger share: of what waits where most does, and of what waits in all sessions.
static double queue_usage(struct partition *partition)
{
  size_t at = 0, most = 0;
  for (struct map_entry *entry; (entry = map_next(&partition->sessions, &at));) {
    const struct session *session = entry->value;
    most = session->notices.size > most ? session->notices.size : most;
  }
  double own = (double)most / LIMIT_NOTIFICATIONS, all = (double)partition->notice_bytes / LIMIT_NOTIFICATION_QUEUE;
  return own > all ? own : all;
}

// What waits changes all the time: a script's second run is told what the first one was.
static int kept_usage(struct evaluation *evaluation, struct value *result)
{
  const struct run_context *context = evaluation->context;
  const struct numbers *numbers = context->numbers;
  *result = value_float8(queue_usage(context->partition));
  int64_t bits = result->integer;
  if (context->is_again && numbers->again(numbers->context, NUMBER_ANSWER, &bits))
    result->integer = bits;
  return context->is_again || !numbers ? 0 : numbers->keep(numbers->context, NUMBER_ANSWER, bits, evaluation->error);
}

bool listening_function(struct evaluation *evaluation, const char *name, const struct value *arguments,
                        struct value *result, int *status)
{
  *result = value_bytes("", 0);
  if (strcmp(name, "pg_notify") == 0) {
    *status = check_notification(&arguments[0], &arguments[1], evaluation->error);
    if (!*status)
      *status = say(evaluation, 'N', &arguments[0], &arguments[1]);
  } else if (strcmp(name, "pg_listen") == 0) {
    *status = say(evaluation, 'L', &arguments[0], NULL);
  } else if (strcmp(name, "pg_unlisten") == 0) {
    *status = is_idle_word(evaluation) ? 0 : say(evaluation, 'U', &arguments[0], NULL);
  } else if (strcmp(name, "pg_listening_channels") == 0) {
    *status = channel_name(evaluation, arguments[0].integer, result);
  } else if (strcmp(name, "pg_notification_queue_usage") == 0) {
    *status = kept_usage(evaluation, result);
  } else {
    return false;
  }
  return true;
}

// --- Channels ---------------------------------------------------------------------------------------------

struct listeners {
  struct session **list;
  size_t count, capacity;
};

static bool waits(const struct session *session)
{
  return session->notices.size || session->missed;
}

static void drop_notices(struct session *session)
{
  session->partition->notice_bytes -= session->notices.size;
  buffer_deinit(&session->notices);
  session->notices.failed = false;
}

// Some of what it should be told is gone: its conversation will end.
static void miss(struct session *session, const char *why)
{
  session->partition->noticed += !waits(session);
  session->missed = session->missed ? session->missed : why;
  drop_notices(session);
}

static void leave(struct session *session, struct bytes channel)
{
  struct map *channels = &session->partition->channels;
  struct listeners *listeners = map_get(channels, channel);
  size_t at = 0;
  while (at < listeners->count && listeners->list[at] != session)
    at++;
  listeners->count--;
  memmove(listeners->list + at, listeners->list + at + 1, (listeners->count - at) * sizeof *listeners->list);
  if (listeners->count)
    return;
  map_remove(channels, channel);
  free(listeners->list);
  free(listeners);
  if (!channels->count) {
    map_deinit(channels);
    *channels = (struct map){0};
  }
}

static void unlisten(struct session *session, struct bytes channel)
{
  if (!map_get(&session->channels, channel))
    return;
  leave(session, channel);
  map_remove(&session->channels, channel);
}

static void unlisten_all(struct session *session)
{
  size_t at = 0;
  for (struct map_entry *entry; (entry = map_next(&session->channels, &at));)
    leave(session, bytes_of(entry->key, entry->key_size));
  map_deinit(&session->channels);
  session->channels = (struct map){0};
}

static bool join(struct session *session, struct listeners *listeners)
{
  if (listeners->count == listeners->capacity) {
    size_t capacity = listeners->capacity ? 2 * listeners->capacity : 2;
    struct session **list = realloc(listeners->list, capacity * sizeof *list);
    if (!list)
      return false;
    listeners->list = list;
    listeners->capacity = capacity;
  }
  listeners->list[listeners->count++] = session;
  return true;
}

static bool listen(struct session *session, struct bytes channel)
{
  struct map *channels = &session->partition->channels;
  struct listeners *listeners = map_get(channels, channel);
  if (map_get(&session->channels, channel))
    return true;
  if (!listeners) {
    listeners = calloc(1, sizeof *listeners);
    if (!listeners || !map_put(channels, channel, listeners)) {
      free(listeners);
      return false;
    }
  }
  if (join(session, listeners)) {
    if (map_put(&session->channels, channel, session))
      return true;
    leave(session, channel);
  } else if (!listeners->count) {
    map_remove(channels, channel);
    free(listeners);
  }
  return false;
}

void listening_init(struct session *session)
{
  session->notices.account = &session->partition->account;
}

void listening_end(struct session *session)
{
  unlisten_all(session);
  session->partition->noticed -= waits(session);
  session->missed = NULL;
  drop_notices(session);
}

// --- Hearing ----------------------------------------------------------------------------------------------

static void listen_or_not(struct partition *partition, struct bytes signal)
{
  uint32_t id = get_le32(signal.data + 1);
  struct session *session = map_get(&partition->sessions, bytes_of(&id, sizeof id));
  struct bytes channel = bytes_of(signal.data + SIGNAL_HEAD, signal.data[9]);
  if (!session)
    return;
  if (signal.data[0] == 'U' && channel.size)
    unlisten(session, channel);
  else if (signal.data[0] == 'U')
    unlisten_all(session);
  else if (!may_listen(session, channel))
    miss(session, "too many channels are listened on in this session");
  else if (!listen(session, channel))
    miss(session, "out of memory for the channels of this session"); // it would wait for what nobody tells it
}

static struct session *most_waits(const struct partition *partition)
{
  struct session *most = NULL;
  size_t at = 0;
  for (struct map_entry *entry; (entry = map_next(&partition->sessions, &at));) {
    struct session *session = entry->value;
    if (!most || session->notices.size > most->notices.size)
      most = session;
  }
  return most;
}

static void note(struct session *session, struct bytes signal)
{
  static const char too_many[] = "too many notifications are waiting in this session";
  struct buffer *notices = &session->notices;
  struct partition *partition = session->partition;
  size_t channel_size = signal.data[9], payload_size = signal.size - SIGNAL_HEAD - channel_size, before = notices->size;
  if (session->missed || session->is_closing || session->is_broken)
    return;
  partition->noticed += !waits(session);
  size_t begin = message_begin(notices, 'A');
  buffer_append_be32(notices, get_le32(signal.data + 5));
  buffer_append(notices, signal.data + SIGNAL_HEAD, channel_size);
  buffer_append_u8(notices, 0);
  buffer_append(notices, signal.data + SIGNAL_HEAD + channel_size, payload_size);
  buffer_append_u8(notices, 0);
  message_end(notices, begin);
  partition->notice_bytes += notices->size - before;
  session->notices_depend = partition->trunk.position;
  if (notices->failed)
    session->missed = "out of memory for the notifications of this session";
  else if (notices->size > LIMIT_NOTIFICATIONS)
    session->missed = too_many;
  if (session->missed)
    drop_notices(session);
  else if (partition->notice_bytes > LIMIT_NOTIFICATION_QUEUE)
    miss(most_waits(partition), too_many);
}

static void notify(struct partition *partition, struct bytes signal)
{
  struct listeners *listeners = map_get(&partition->channels, bytes_of(signal.data + SIGNAL_HEAD, signal.data[9]));
  for (size_t i = 0; listeners && i < listeners->count; i++)
    note(listeners->list[i], signal);
}

// One atom's words: first who listens, then what is told, each notification once.
static void hear_atom(struct partition *partition, struct bytes words)
{
  struct map told = {0};
  for (int pass = 0; pass < 2; pass++)
    for (size_t at = 0, size; at < words.size; at += 4 + size) {
      size = get_le32(words.data + at);
      struct bytes signal = bytes_of(words.data + at + 4, size);
      bool is_notification = signal.data[0] == 'N';
      if (pass == 0 && !is_notification)
        listen_or_not(partition, signal);
      if (pass == 0 || !is_notification || map_get(&told, signal))
        continue;
      if (size + 4 < words.size)
        (void)!map_put(&told, signal, partition); // without memory it is told twice
      notify(partition, signal);
    }
  map_deinit(&told);
}

void listening_hear(struct partition *partition)
{
  struct buffer *signals = &partition->trunk.signals;
  if (!signals->size)
    return;
  for (size_t at = 0, size; at < signals->size; at += 4 + size) {
    size = get_le32(signals->data + at);
    hear_atom(partition, bytes_of(signals->data + at + 4, size));
  }
  if (signals->capacity > SIGNALS_KEPT)
    buffer_deinit(signals);
  buffer_clear(signals);
}

// --- Telling ----------------------------------------------------------------------------------------------

// What it does not listen on any more is left out.
static void append_notices(struct session *session)
{
  struct partition *partition = session->partition;
  struct bytes notices = buffer_bytes(&session->notices);
  struct message message;
  struct error error;
  for (size_t at = 0, from = 0; message_next(notices, &at, &message, &error) > 0; from = at) {
    const char *channel = (const char *)message.body.data + 4;
    if (map_get(&session->channels, bytes_of_string(channel)))
      buffer_append(&partition->replies, notices.data + from, at - from);
  }
}

void listening_tell(struct session *session)
{
  struct partition *partition = session->partition;
  if (!waits(session) || session->transaction != TRANSACTION_NONE)
    return;
  partition->noticed--;
  append_notices(session);
  // Whatever synchronous_commit says: who is told of a transaction may rely on it.
  if (session->notices.size && session->notices_depend > session->depends)
    session->depends = session->notices_depend;
  drop_notices(session);
  if (!session->missed)
    return;
  struct error error;
  error_clear(&error);
  (void)!error_set(&error, SQLSTATE_CONFIGURATION_LIMIT_EXCEEDED, "%s", session->missed);
  session->missed = NULL;
  session_break(session, &error);
}

// Who has missed some is told so even when it does not read: nothing more will come.
static bool is_at_rest(const struct session *session)
{
  return !session->in_group && session->transaction == TRANSACTION_NONE && !session->job && !session->waiting &&
         !session->copying && !session->is_broken && !session->is_closing && !session->rests &&
         (!session->is_held || session->missed);
}

// The client has asked nothing: it is as idle as it was.
static void tell_idle(struct session *session)
{
  struct partition *partition = session->partition;
  size_t begin = partition->replies.size;
  listening_tell(session);
  if (!session->is_broken && !partition->replies.failed && output_reply(partition, session->id, begin, session->depends)) {
    session->depends = 0;
    return;
  }
  session_process(session);
  output_replies(partition, session, begin);
}

void listening_tell_all(struct partition *partition)
{
  listening_hear(partition);
  size_t at = 0;
  for (struct map_entry *entry; partition->noticed && (entry = map_next(&partition->sessions, &at));) {
    struct session *session = entry->value;
    if (waits(session) && is_at_rest(session))
      tell_idle(session);
  }
}

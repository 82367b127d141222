// LISTEN, UNLISTEN, NOTIFY: words that an atom tells the sessions when it has committed.
//
//   NOTIFY: change list of an atom or branch -- committed --> trunk.signals -- listening_hear --> notices of who listens
//                                            -- undone ----> gone                                    |  at rest
//                                                                                   NotificationResponse, durable
//
// 1. A word is an entry of the change list (CHANGE_SIGNAL): savepoints, failures and a script that runs again treat it
//    like the changes beside it. It is not logged: whoever listens is gone with the process.
// 2. A session is told between its groups of messages and outside of a transaction, in the order of the commits.
// 3. What waits for a session has a bound; beyond it the conversation ends, as some of it would be missing.
#include "base/limits.h"
#include "base/sqlstate.h"
#include "partition/state.h"

enum { PAYLOAD_LIMIT = 8000, CHANNEL_LIMIT = 64 };
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
  return change_signal(context->writer->changes, bytes) ? 0 : error_memory(evaluation->error);
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

// The share of its bound that waits where most does.
static double queue_usage(struct partition *partition)
{
  size_t at = 0, most = 0;
  for (struct map_entry *entry; (entry = map_next(&partition->sessions, &at));) {
    const struct session *session = entry->value;
    most = session->notices.size > most ? session->notices.size : most;
  }
  return (double)most / LIMIT_NOTIFICATIONS;
}

bool listening_function(struct evaluation *evaluation, const char *name, const struct value *arguments,
                        struct value *result, int *status)
{
  const struct run_context *context = evaluation->context;
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
    *status = 0;
    *result = value_float8(queue_usage(context->partition));
  } else {
    return false;
  }
  return true;
}

// --- Hearing ----------------------------------------------------------------------------------------------

void listening_end(struct session *session)
{
  map_deinit(&session->channels);
  session->channels = (struct map){0};
  session->partition->noticed -= session->notices.size || session->has_missed;
  buffer_deinit(&session->notices);
  session->has_missed = false;
}

static void listen_or_not(struct partition *partition, struct bytes signal)
{
  uint32_t id = get_le32(signal.data + 1);
  struct session *session = map_get(&partition->sessions, bytes_of(&id, sizeof id));
  struct bytes channel = bytes_of(signal.data + SIGNAL_HEAD, signal.data[9]);
  if (!session)
    return;
  if (signal.data[0] == 'U' && channel.size) {
    map_remove(&session->channels, channel);
  } else if (signal.data[0] == 'U') {
    map_deinit(&session->channels);
    session->channels = (struct map){0};
  } else if (!map_put(&session->channels, channel, session)) {
    session->has_missed = true; // it would wait for what nobody tells it
    partition->noticed += !session->notices.size;
  }
}

static void note(struct session *session, struct bytes signal)
{
  struct buffer *notices = &session->notices;
  struct partition *partition = session->partition;
  size_t channel_size = signal.data[9], payload_size = signal.size - SIGNAL_HEAD - channel_size;
  if (session->has_missed)
    return;
  partition->noticed += !notices->size;
  size_t begin = message_begin(notices, 'A');
  buffer_append_be32(notices, get_le32(signal.data + 5));
  buffer_append(notices, signal.data + SIGNAL_HEAD, channel_size);
  buffer_append_u8(notices, 0);
  buffer_append(notices, signal.data + SIGNAL_HEAD + channel_size, payload_size);
  buffer_append_u8(notices, 0);
  message_end(notices, begin);
  session->notices_depend = partition->trunk.position;
  if (notices->failed || notices->size > LIMIT_NOTIFICATIONS) {
    buffer_deinit(notices);
    notices->failed = false;
    session->has_missed = true;
  }
}

static void notify(struct partition *partition, struct bytes signal)
{
  struct bytes channel = bytes_of(signal.data + SIGNAL_HEAD, signal.data[9]);
  size_t at = 0;
  for (struct map_entry *entry; (entry = map_next(&partition->sessions, &at));) {
    struct session *session = entry->value;
    if (session->channels.count && !session->is_closing && map_get(&session->channels, channel))
      note(session, signal);
  }
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
      (void)!map_put(&told, signal, partition); // without memory it is told twice
      notify(partition, signal);
    }
  map_deinit(&told);
}

void listening_hear(struct partition *partition)
{
  struct buffer *signals = &partition->trunk.signals;
  for (size_t at = 0, size; at < signals->size; at += 4 + size) {
    size = get_le32(signals->data + at);
    hear_atom(partition, bytes_of(signals->data + at + 4, size));
  }
  buffer_deinit(signals);
}

void listening_tell(struct session *session)
{
  struct partition *partition = session->partition;
  if ((!session->notices.size && !session->has_missed) || session->transaction != TRANSACTION_NONE)
    return;
  partition->noticed--;
  buffer_append_bytes(&partition->replies, buffer_bytes(&session->notices));
  session_depends(session, session->notices_depend);
  buffer_deinit(&session->notices);
  if (!session->has_missed)
    return;
  session->has_missed = false;
  struct error error;
  error_clear(&error);
  (void)!error_set(&error, SQLSTATE_CONFIGURATION_LIMIT_EXCEEDED, "too many notifications are waiting in this session");
  session_break(session, &error);
}

static bool is_at_rest(const struct session *session)
{
  return !session->in_group && session->transaction == TRANSACTION_NONE && !session->job && !session->waiting &&
         !session->copying && !session->is_held && !session->is_broken && !session->is_closing && !session->rests;
}

void listening_tell_all(struct partition *partition)
{
  listening_hear(partition);
  size_t at = 0;
  for (struct map_entry *entry; partition->noticed && (entry = map_next(&partition->sessions, &at));) {
    struct session *session = entry->value;
    if ((!session->notices.size && !session->has_missed) || !is_at_rest(session))
      continue;
    size_t begin = partition->replies.size;
    listening_tell(session);
    output_replies(partition, session, begin);
  }
}

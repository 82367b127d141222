// The second host of the partition, and all that happens to it.
//
// Every move of the world is chosen by the seed: a client sends, the partition steps, the log writes and syncs, replies
// leave, a job runs, a batch of the stream arrives, a checkpoint goes on, a client vanishes, the power is cut. Nothing
// depends on anything else, so the same seed gives the same run.
//
// 1. A reply reaches a client only when the log is durable up to what it depends on.
// 2. After a crash all that lived in memory is gone: the partition, what waited for the log, the clients' conversations.
#include "sim/world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "log/checkpoint.h"
#include "log/segment.h"
#include "partition/state.h"
#include "quern.h"
#include "sim/disk_sim.h"
#include "sim/lister.h"
#include "sim/model.h"
#include "sim/receiver.h"
#include "sim/stream.h"
#include "store/store.h"

enum { UNREAD = 512 * 1024 }; // bytes at most for who does not read
enum { CLIENTS = 6, LISTERS = 4, ALLOWANCE = 6, SEGMENT_BYTES = 64 * 1024, SMALL_SEGMENT_BYTES = 16 * 1024,
       WAITING = 4096, JOBS = 64, READERS = CLIENTS + LISTERS };

enum action {
  ACTION_NONE,
  ACTION_TRANSFER,    // BEGIN, two selects and updates, COMMIT
  ACTION_PAIR,        // two inserts in one Query
  ACTION_PAIR_OPEN,   // two inserts in a transaction
  ACTION_PAIR_COPY,   // two rows by COPY
  ACTION_READ_MONEY,  // more rows than the allowance: a job
  ACTION_READ_LEDGER,
  ACTION_UPSERT,
  ACTION_READ_VALUE,
  ACTION_READ_COUNTED,
  ACTION_RAISE,       // all accounts, beside the trunk
  ACTION_READ_RAISED,
  ACTION_READ_ALL,    // a result of several chunks
  ACTION_ALTER,       // a source pauses, or goes on
  ACTION_COUNT
};

struct client {
  uint32_t id;        // of its session; 0: not connected
  enum action action;
  int stage;          // messages of the action sent so far
  bool is_waiting;    // for ReadyForQuery
  bool has_failed;    // the action met an error
  bool is_open;       // there is a transaction, as ReadyForQuery says
  bool is_committed;  // a COMMIT or the action's own tag came
  int32_t pair;
  int key, from, to, amount;
  int64_t value;      // of the last row's first column
  int64_t floor;      // what had been shown of what it asks for, when it asked
  int64_t acknowledged; // raises until then
  int values;         // rows
  char sqlstate[6];   // of the last error
};

// Who reads slowly: what was sent lies there until it is read.
struct unread {
  bool is_slow, is_end;
  struct buffer bytes;
};

struct undelivered {
  uint32_t session;
  uint64_t position;
  struct buffer bytes;
  bool is_end;
};

struct world {
  struct world_options options;
  uint64_t random;
  struct model model;
  struct disk_sim *sim;
  const struct disk *disk;
  struct disk_file *lock;
  struct partition *partition;
  struct partition_hooks hooks;
  struct log *log;
  struct log_group group;
  struct log_group stuck;       // found the disk full, and is given to the log again
  struct frame frames[64];      // for the next step
  struct buffer payloads[64];
  int frame_count;
  struct undelivered waiting[WAITING]; // a ring
  int first, count;
  struct job *jobs[JOBS];
  uint32_t job_sessions[JOBS];
  int job_count;
  struct checkpoint_writer *checkpoint;
  struct version *checkpoint_snapshot;
  uint64_t checkpoint_position;
  bool checkpoint_is_written;
  struct stream ticks, mirror;
  struct receiver receiver;     // of the sink
  struct client clients[CLIENTS];
  struct lister listers[LISTERS];
  struct unread unread[READERS]; // clients, then listers
  struct lists lists;
  struct client checker;        // the one that looks at the state after a recovery
  int32_t ids[LEDGER];
  uint32_t next_session;
  struct step_time time;
  uint64_t hash;
  bool is_full;                 // as the partition was told
  bool is_slow;                 // syncs do not end
  bool sync_fails;              // one fails soon, or has
  bool is_down;                 // the disk refused: only a crash helps
  struct world_result *result;
};

static uint64_t draw(struct world *world)
{
  uint64_t z = (world->random += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static int pick(struct world *world, int count)
{
  return (int)(draw(world) % (uint64_t)count);
}

static void note(struct world *world, const char *what, uint64_t detail)
{
  if (world->options.is_verbose)
    printf("%5d %s %" PRIu64 "\n", world->result->step, what, detail);
}

static void mix(struct world *world, const void *data, size_t size)
{
  world->hash = hash64(data, size, world->hash);
}

// --- Frames in --------------------------------------------------------------------------------------------------

static struct frame *add_frame(struct world *world, enum frame_kind kind, uint32_t session, struct bytes payload)
{
  CHECK(world->frame_count < 64);
  struct buffer *copy = &world->payloads[world->frame_count];
  buffer_clear(copy);
  buffer_append_bytes(copy, payload);
  struct frame *frame = &world->frames[world->frame_count++];
  *frame = (struct frame){.kind = kind, .session = session, .payload = buffer_bytes(copy)};
  return frame;
}

static void send_messages(struct world *world, struct client *client, struct quern_buffer *messages)
{
  add_frame(world, FRAME_REQUEST, client->id, bytes_of(messages->data, messages->size));
  quern_buffer_free(messages);
}

static void send_query(struct world *world, struct client *client, const char *text)
{
  struct quern_buffer messages = {0};
  quern_add_query(&messages, text);
  client->is_waiting = true;
  send_messages(world, client, &messages);
}

static void connect_client(struct world *world, struct client *client)
{
  static const char pairs[] = "user\0sim\0";
  *client = (struct client){.id = ++world->next_session, .is_waiting = true};
  add_frame(world, FRAME_OPEN, client->id, bytes_of(pairs, sizeof pairs));
}

// --- Replies ------------------------------------------------------------------------------------------------------

// What may be said to a client: that it is to run again, that a key is taken, that there is no room.
static bool is_expected(const struct world *world, const struct client *client)
{
  static const char *const expected[] = {"40001", "40P01", "23505"};
  if (client == &world->checker)
    return true; // who asks it says what may be
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
    if (strcmp(client->sqlstate, expected[i]) == 0)
      return true;
  return world->lists.may_be_refused && strncmp(client->sqlstate, "53", 2) == 0;
}

static void read_error(struct world *world, struct client *client, const struct quern_message *message)
{
  client->has_failed = true;
  snprintf(client->sqlstate, sizeof client->sqlstate, "%s", quern_error_field(message, 'C'));
  if (!is_expected(world, client))
    model_violate(&world->model, "an error that must not be: %s %s, in action %d at stage %d", client->sqlstate,
                  quern_error_field(message, 'M'), (int)client->action, client->stage);
}

static void read_reply(struct world *world, struct client *client, struct bytes bytes)
{
  struct quern_message message;
  const uint8_t *at = bytes.data;
  size_t size = bytes.size;
  while (quern_next_message(&at, &size, &message)) {
    const uint8_t *field;
    int32_t length;
    if (message.type == 'E') {
      read_error(world, client, &message);
    } else if (message.type == 'Z') {
      client->is_waiting = false;
      client->is_open = message.body[0] != 'I';
    } else if (message.type == 'C') {
      client->is_committed = strcmp((const char *)message.body, "ROLLBACK") != 0;
    } else if (message.type == 'D' && (length = quern_row_field(&message, 0, &field)) > 0) {
      char text[32] = {0};
      memcpy(text, field, length < 31 ? (size_t)length : 31);
      client->value = strtoll(text, NULL, 10);
      if (client == &world->checker && client->values < LEDGER)
        world->ids[client->values] = (int32_t)client->value;
      client->values++;
    }
  }
}

static struct client *client_of(struct world *world, uint32_t session)
{
  for (int i = 0; i < CLIENTS; i++)
    if (world->clients[i].id == session)
      return &world->clients[i];
  return world->checker.id == session ? &world->checker : NULL;
}

static struct lister *lister_of(struct world *world, uint32_t session)
{
  for (int i = 0; i < LISTERS; i++)
    if (world->listers[i].id == session)
      return &world->listers[i];
  return NULL;
}

// What the client now knows goes to the model.
static void conclude(struct world *world, struct client *client)
{
  struct model *model = &world->model;
  bool is_good = !client->has_failed && client->is_committed;
  switch (client->action) {
  case ACTION_PAIR:
  case ACTION_PAIR_OPEN:
  case ACTION_PAIR_COPY:
    if (is_good)
      model_acknowledge_pair(model, client->pair);
    break;
  case ACTION_READ_MONEY:
    if (is_good)
      model_saw_money(model, client->value);
    break;
  case ACTION_READ_LEDGER:
    if (is_good)
      model_saw_ledger(model, client->value, client->floor);
    break;
  case ACTION_READ_ALL:
    if (is_good)
      model_saw_ledger(model, client->values, client->floor);
    break;
  case ACTION_READ_VALUE:
    if (is_good && client->values)
      model_saw_value(model, client->key, client->value, client->floor);
    break;
  case ACTION_READ_COUNTED:
    if (is_good && client->values)
      model_saw_counted(model, client->value, client->floor);
    break;
  case ACTION_RAISE: model->raised_acknowledged += is_good; break;
  case ACTION_READ_RAISED:
    if (is_good)
      model_saw_raised(model, client->value, client->floor, client->acknowledged);
    break;
  default: break;
  }
  client->action = ACTION_NONE;
}

static int reader_of(const struct world *world, uint32_t session)
{
  for (int i = 0; i < READERS; i++)
    if (session == (i < CLIENTS ? world->clients[i].id : world->listers[i - CLIENTS].id))
      return i;
  return -1;
}

static void read_sent(struct world *world, uint32_t session, struct bytes bytes, bool is_end)
{
  struct client *client = client_of(world, session);
  struct lister *lister = lister_of(world, session);
  if (client && is_end)
    client->id = 0;
  else if (client)
    read_reply(world, client, bytes);
  else if (lister && is_end)
    lister_lost(lister, &world->lists);
  else if (lister)
    lister_read(lister, &world->lists, bytes);
}

// What goes to one that reads slowly has left, and is bounded: it is told to produce no more.
static void lay_by(struct world *world, struct unread *unread, const struct undelivered *waiting)
{
  buffer_append_bytes(&unread->bytes, buffer_bytes(&waiting->bytes));
  unread->is_end |= waiting->is_end;
  if (unread->bytes.size > UNREAD)
    model_violate(&world->model, "%zu bytes for a client that does not read", unread->bytes.size);
}

static bool may_leave(const struct world *world, const struct undelivered *waiting)
{
  bool is_refused = !log_group_is_empty(&world->stuck) && world->options.fault == FAULT_FULL_ANSWERED;
  return is_refused || waiting->position <= log_durable(world->log);
}

static void deliver(struct world *world)
{
  while (world->count && may_leave(world, &world->waiting[world->first])) {
    struct undelivered *waiting = &world->waiting[world->first];
    int reader = waiting->session ? reader_of(world, waiting->session) : -1;
    mix(world, waiting->bytes.data, waiting->bytes.size);
    world->result->replies++;
    if (reader >= 0 && world->unread[reader].is_slow)
      lay_by(world, &world->unread[reader], waiting);
    else
      read_sent(world, waiting->session, buffer_bytes(&waiting->bytes), waiting->is_end);
    buffer_deinit(&waiting->bytes);
    world->first = (world->first + 1) % WAITING;
    world->count--;
  }
}

static void forget_unread(struct unread *unread)
{
  unread->is_slow = unread->is_end = false;
  buffer_clear(&unread->bytes);
}

// One begins to read slowly, or reads what there is.
static void dawdle(struct world *world)
{
  int reader = pick(world, READERS);
  for (int i = 0; i < READERS && pick(world, 3) && !world->unread[reader].is_slow; i++)
    reader = (reader + 1) % READERS;
  struct unread *unread = &world->unread[reader];
  uint32_t session = reader < CLIENTS ? world->clients[reader].id : world->listers[reader - CLIENTS].id;
  if (!session || world->frame_count > 32)
    return;
  add_frame(world, unread->is_slow ? FRAME_RELEASE : FRAME_HOLD, session, bytes_of("", 0));
  unread->is_slow = !unread->is_slow;
  world->result->troubles[TROUBLE_UNREAD] += unread->bytes.size > 0;
  if (unread->is_slow)
    return;
  read_sent(world, session, buffer_bytes(&unread->bytes), false);
  if (unread->is_end)
    read_sent(world, session, bytes_of("", 0), true);
  forget_unread(unread);
}

// --- Steps ----------------------------------------------------------------------------------------------------------

static void take_output(struct world *world, const struct frame *frame)
{
  mix(world, &frame->kind, sizeof frame->kind);
  switch (frame->kind) {
  case FRAME_REPLY:
  case FRAME_END: {
    CHECK(world->count < WAITING);
    struct undelivered *waiting = &world->waiting[(world->first + world->count++) % WAITING];
    *waiting = (struct undelivered){.session = frame->session, .position = frame->log_position, .is_end = frame->kind == FRAME_END};
    buffer_append_bytes(&waiting->bytes, frame->payload);
    break;
  }
  case FRAME_JOB:
    CHECK(world->job_count < JOBS);
    world->jobs[world->job_count] = frame->job;
    world->job_sessions[world->job_count++] = frame->session;
    break;
  case FRAME_SOURCE_OPEN:
    stream_open(strcmp(frame->relation->name, "mirror") == 0 ? &world->mirror : &world->ticks, frame, draw(world));
    break;
  case FRAME_SOURCE_CLOSE:
    if (world->ticks.source == frame->source)
      world->ticks.source = 0;
    else if (world->mirror.source == frame->source)
      world->mirror.source = 0;
    break;
  case FRAME_SINK_OPEN: receiver_open(&world->receiver, &world->model, frame); break;
  case FRAME_SINK_ROWS: receiver_give(&world->receiver, &world->model, frame); break;
  case FRAME_SINK_CLOSE: receiver_lost(&world->receiver); break;
  default: break;
  }
}

// COMMITs that stand in a queue now.
static void count_parked(struct world *world)
{
  for (int i = 0; i < LISTERS; i++) {
    uint32_t id = world->listers[i].id;
    const struct session *session = map_get(&world->partition->sessions, bytes_of(&id, sizeof id));
    world->result->ways[WAY_PARKED] += session && session->waiting == WAITING_COMMIT;
  }
}

static void step(struct world *world)
{
  struct error error = {0};
  struct step_output output;
  world->time.wall += pick(world, 1000);
  world->time.monotonic += 500;
  if (partition_step(world->partition, world->frames, world->frame_count, &world->time, &output, &error)) {
    model_violate(&world->model, "the partition failed: %s", error.message);
    return;
  }
  world->frame_count = 0;
  mix(world, output.changes.data, output.changes.size);
  if (log_group_append_run(&world->group, output.changes, &error))
    abort();
  for (int i = 0; i < output.frame_count; i++)
    take_output(world, &output.frames[i]);
  count_parked(world);
  partition_idle(world->partition);
  if (world->time.monotonic % 50000 == 0)
    partition_trim(world->partition);
}

// Writes what waits, and most often syncs it: otherwise a crash may come between.
static void write_log(struct world *world)
{
  struct error error;
  uint64_t before = log_durable(world->log);
  if (log_group_is_empty(&world->stuck)) {
    struct log_group empty = world->stuck;
    world->stuck = world->group;
    world->group = empty;
  }
  int status = log_group_is_empty(&world->stuck) ? 0 : log_write(world->log, &world->stuck, &error);
  if (status == STATUS_LIMIT && world->options.is_troubled) {
    world->result->troubles[TROUBLE_REFUSED]++;
    return;
  }
  log_group_clear(&world->stuck);
  if (!status && pick(world, 3) > 0 && !world->is_slow)
    status = log_sync(world->log, &error);
  world->is_down |= status != 0;
  world->result->atoms += log_durable(world->log) - before;
}

static void run_job(struct world *world)
{
  if (!world->job_count || world->frame_count > 32)
    return;
  int chosen = pick(world, world->job_count);
  struct job *job = world->jobs[chosen];
  uint32_t session = world->job_sessions[chosen];
  world->jobs[chosen] = world->jobs[--world->job_count];
  world->job_sessions[chosen] = world->job_sessions[world->job_count];
  job_run(job);
  add_frame(world, FRAME_JOB_DONE, session, bytes_of("", 0))->job = job;
}

// A connector reads, or what it has read arrives; most often both.
static void stream_move(struct world *world)
{
  struct stream *stream = pick(world, 3) ? &world->ticks : &world->mirror;
  int how = pick(world, 8);
  if (how != 0)
    stream_poll(stream, draw(world));
  struct frame batch;
  int arrivals = world->is_full || how == 1 ? 0 : how == 2 ? STREAM_LATE : 1; // nothing is read for a full log
  while (arrivals-- > 0 && world->frame_count <= 32 && stream_arrive(stream, &batch)) {
    world->result->troubles[TROUBLE_LATE] += batch.opening != stream->opening;
    struct frame *frame = add_frame(world, FRAME_ROWS, 0, batch.payload);
    struct buffer *copy = &world->payloads[frame - world->frames];
    buffer_append_bytes(copy, batch.position);
    batch.payload = bytes_of(copy->data, batch.payload.size);
    batch.position = bytes_of(copy->data + batch.payload.size, batch.position.size);
    *frame = batch;
  }
}

// The sink's end writes, or what it has done is heard.
static void sink_move(struct world *world)
{
  struct receiver *receiver = &world->receiver;
  if (!receiver->has_news) {
    receiver_write(receiver, &world->model, log_durable(world->log));
    return;
  }
  if (world->frame_count > 32)
    return;
  struct frame *frame = add_frame(world, FRAME_SINK_DONE, 0, bytes_of_string(receiver->position));
  frame->position = frame->payload;
  frame->source = receiver->sink;
  frame->opening = receiver->opening;
  receiver->has_news = false;
}

// --- Checkpoints ------------------------------------------------------------------------------------------------------

static void drop_checkpoint(struct world *world)
{
  checkpoint_abandon(world->checkpoint);
  world->checkpoint = NULL;
  if (world->checkpoint_snapshot)
    partition_unpin(world->partition, world->checkpoint_snapshot);
  world->checkpoint_snapshot = NULL;
}

// A checkpoint that finds the disk full is given up; any other failure ends the process.
static void checkpoint_failed(struct world *world, int status)
{
  if (status == STATUS_LIMIT && world->options.is_troubled)
    drop_checkpoint(world);
  else
    world->is_down = true;
}

static void checkpoint(struct world *world)
{
  struct error error;
  int status;
  if (!world->checkpoint_snapshot) {
    world->checkpoint_snapshot = partition_pin(world->partition, &world->checkpoint_position);
    world->checkpoint_is_written = false;
    if (!world->checkpoint_snapshot)
      return; // there is no memory: later
    status = checkpoint_begin(world->disk, world->checkpoint_snapshot, world->checkpoint_position, log_id(world->log),
                              &world->checkpoint, &error);
    if (status) {
      world->checkpoint = NULL;
      checkpoint_failed(world, status);
    }
    return;
  }
  if (!world->checkpoint_is_written) {
    int more = checkpoint_step(world->checkpoint, 20, &error);
    world->checkpoint_is_written = more == 0;
    if (more < 0)
      checkpoint_failed(world, more);
    return;
  }
  if (log_durable(world->log) < world->checkpoint_position)
    return;
  status = checkpoint_finish(world->checkpoint, NULL, &error);
  world->checkpoint = NULL;
  if (!status)
    status = log_free(world->log, world->checkpoint_position, &error);
  world->is_down |= status != 0 && !(status == STATUS_LIMIT && world->options.is_troubled);
  drop_checkpoint(world);
  note(world, "checkpoint", world->checkpoint_position);
}

// --- Clients ------------------------------------------------------------------------------------------------------------

static void begin_action(struct world *world, struct client *client)
{
  client->action = (enum action)(1 + pick(world, ACTION_COUNT - 1));
  client->stage = 0;
  client->has_failed = client->is_committed = false;
  client->values = 0;
  client->key = pick(world, KEYS);
  client->from = pick(world, ACCOUNTS);
  client->to = pick(world, ACCOUNTS);
  client->amount = 1 + pick(world, 20);
  bool is_pair = client->action == ACTION_PAIR || client->action == ACTION_PAIR_OPEN || client->action == ACTION_PAIR_COPY;
  if (is_pair && (client->pair = model_draw_pair(&world->model)) < 0)
    client->action = ACTION_READ_LEDGER;
}

// The texts of a transfer, one after another. False: it is over.
static bool transfer_text(const struct client *client, char *text, size_t size)
{
  switch (client->stage) {
  case 0: snprintf(text, size, "BEGIN"); return true;
  case 1: snprintf(text, size, "SELECT balance FROM account WHERE id = %d", client->from); return true;
  case 2: snprintf(text, size, "UPDATE account SET balance = balance - %d WHERE id = %d", client->amount, client->from); return true;
  case 3: snprintf(text, size, "UPDATE account SET balance = balance + %d WHERE id = %d", client->amount, client->to); return true;
  case 4: snprintf(text, size, "COMMIT"); return true;
  default: return false;
  }
}

static bool pair_open_text(const struct client *client, char *text, size_t size)
{
  switch (client->stage) {
  case 0: snprintf(text, size, "BEGIN"); return true;
  case 1:
  case 2: snprintf(text, size, "INSERT INTO ledger VALUES (%d)", client->pair + client->stage - 1); return true;
  case 3: snprintf(text, size, "COMMIT"); return true;
  default: return false;
  }
}

static const char raised_text[] = "SELECT CASE WHEN min(raised) = max(raised) THEN min(raised) ELSE -1 END FROM account";

static bool single_text(const struct client *client, char *text, size_t size)
{
  if (client->stage > 0)
    return false;
  switch (client->action) {
  case ACTION_PAIR:
    snprintf(text, size, "INSERT INTO ledger VALUES (%d); INSERT INTO ledger VALUES (%d)", client->pair, client->pair + 1);
    break;
  case ACTION_PAIR_COPY: snprintf(text, size, "COPY ledger FROM STDIN"); break;
  case ACTION_READ_MONEY: snprintf(text, size, "SELECT sum(balance) FROM account"); break;
  case ACTION_READ_LEDGER: snprintf(text, size, "SELECT count(*) FROM ledger"); break;
  case ACTION_UPSERT:
    snprintf(text, size, "INSERT INTO value VALUES (%d, 1, %d) ON CONFLICT (k) DO UPDATE SET v = value.v + 1, ballast = repeat('x', %d)",
             client->key, client->key + client->amount % 2, client->amount * 150); // the log is to grow
    break;
  case ACTION_READ_ALL: snprintf(text, size, "SELECT repeat('x', 2000) FROM ledger ORDER BY id"); break;
  case ACTION_ALTER:
    snprintf(text, size, "ALTER SOURCE %s SET (state = '%s')", client->key % 2 ? "ticks" : "mirror",
             client->amount % 3 ? "running" : "paused");
    break;
  case ACTION_READ_VALUE: snprintf(text, size, "SELECT v FROM value WHERE k = %d", client->key); break;
  case ACTION_RAISE: snprintf(text, size, "UPDATE account SET raised = raised + 1"); break;
  case ACTION_READ_RAISED: snprintf(text, size, "%s", raised_text); break;
  default: snprintf(text, size, "SELECT sum(n) FROM counts"); break;
  }
  return true;
}

static void send_copy_rows(struct world *world, struct client *client)
{
  char rows[64];
  struct quern_buffer messages = {0};
  int size = snprintf(rows, sizeof rows, "%d\n%d\n", client->pair, client->pair + 1);
  uint8_t data[5 + sizeof rows] = {'d'}, done[5] = {'c', 0, 0, 0, 4};
  put_be32(data + 1, (uint32_t)size + 4);
  memcpy(data + 5, rows, (size_t)size);
  messages.data = malloc(128);
  memcpy(messages.data, data, 5 + (size_t)size);
  memcpy(messages.data + 5 + size, done, 5);
  messages.size = 10 + (size_t)size;
  send_messages(world, client, &messages);
}

static void client_move(struct world *world, struct client *client)
{
  char text[256];
  if (world->frame_count > 32)
    return;
  if (!client->id) {
    connect_client(world, client);
    return;
  }
  if (client->is_waiting)
    return;
  if (client->action == ACTION_NONE && client->is_open) { // its end was refused for want of memory
    send_query(world, client, "ROLLBACK");
    return;
  }
  if (client->action == ACTION_NONE)
    begin_action(world, client);
  client->value = 0;
  client->values = 0;
  bool has_text = client->action == ACTION_TRANSFER    ? transfer_text(client, text, sizeof text)
                  : client->action == ACTION_PAIR_OPEN ? pair_open_text(client, text, sizeof text)
                                                       : single_text(client, text, sizeof text);
  if (!has_text)
    return;
  client->is_committed = false;
  const struct model *model = &world->model;
  bool reads_ledger = client->action == ACTION_READ_LEDGER || client->action == ACTION_READ_ALL;
  client->floor = reads_ledger                          ? model->ledger_floor
                  : client->action == ACTION_READ_VALUE ? model->value_floor[client->key]
                  : client->action == ACTION_READ_RAISED ? model->raised_floor
                                                        : model->counted_floor;
  client->acknowledged = model->raised_acknowledged;
  send_query(world, client, text);
  if (client->action == ACTION_PAIR_COPY)
    send_copy_rows(world, client);
  client->stage++;
}

// An action is over when its last message was answered, or when it failed (then its transaction is rolled back).
static void client_settle(struct world *world, struct client *client)
{
  if (!client->id || client->is_waiting || client->action == ACTION_NONE)
    return;
  int stages = client->action == ACTION_TRANSFER ? 5 : client->action == ACTION_PAIR_OPEN ? 4 : 1;
  if (client->has_failed && client->stage < stages && stages > 1) {
    client->action = ACTION_NONE;
    send_query(world, client, "ROLLBACK");
  } else if (client->stage == stages) {
    conclude(world, client);
  }
}

static void connect_lister(struct world *world, struct lister *lister)
{
  static const char pairs[] = "user\0sim\0";
  lister->id = ++world->next_session;
  lister->ready_count = 1;
  add_frame(world, FRAME_OPEN, lister->id, bytes_of(pairs, sizeof pairs));
}

static void send_lister(struct world *world, const struct lister *lister, struct quern_buffer *messages)
{
  add_frame(world, FRAME_REQUEST, lister->id, bytes_of(messages->data, messages->size));
  quern_buffer_free(messages);
}

static void lister_move(struct world *world, struct lister *lister)
{
  struct quern_buffer messages = {0};
  if (world->frame_count > 32)
    return;
  if (!lister->id)
    connect_lister(world, lister);
  else if (lister_next(lister, &world->lists, &messages))
    send_lister(world, lister, &messages);
}

static void anybody_moves(struct world *world)
{
  int who = pick(world, CLIENTS + 2 * LISTERS);
  if (who < CLIENTS)
    client_move(world, &world->clients[who]);
  else
    lister_move(world, &world->listers[(who - CLIENTS) % LISTERS]);
}

static void vanish_lister(struct world *world, struct lister *lister)
{
  if (!lister->id || world->frame_count > 32)
    return;
  add_frame(world, FRAME_CLOSE, lister->id, bytes_of("", 0));
  forget_unread(&world->unread[CLIENTS + (lister - world->listers)]);
  lister_lost(lister, &world->lists);
}

static void vanish(struct world *world, struct client *client)
{
  if (!client->id || world->frame_count > 32)
    return;
  add_frame(world, FRAME_CLOSE, client->id, bytes_of("", 0));
  forget_unread(&world->unread[client - world->clients]);
  client->id = 0;
  client->action = ACTION_NONE;
}

// --- Life and death ---------------------------------------------------------------------------------------------------

static int apply(void *context, uint64_t position, struct bytes payload, struct error *error)
{
  struct world *world = context;
  return partition_apply(world->partition, payload, position, error);
}

static int accept_any(void *context, const struct relation *relation, struct error *error)
{
  return 0;
}

static int recover(struct world *world, struct error *error)
{
  struct partition_options options = {.scan_allowance = ALLOWANCE, .seed = world->options.seed, .hooks = &world->hooks};
  struct checkpoint found = {0};
  world->partition = partition_open(&options, error);
  if (pick(world, 2)) // what is read again is looked at, however little it is
    world->partition->trunk.repair_rows = 0;
  if (pick(world, 2))
    world->partition->trunk.adopted_changes = 0;
  int status = disk_lock(world->disk, LOG_LOCK, &world->lock, error);
  if (!status)
    status = checkpoint_find(world->disk, &found, NULL, NULL, error);
  if (!status && found.is_found)
    status = checkpoint_load(world->disk, &found, partition_trunk(world->partition), NULL, error);
  struct log_options log_options = {
    .segment_size = world->options.is_troubled ? SMALL_SEGMENT_BYTES : SEGMENT_BYTES,
    .after = found.position,
    .log_id = found.log_id,
    .new_log_id = world->options.seed | 1,
    .without_sync = world->options.fault == FAULT_SYNC_LEFT_OUT,
    .apply = apply,
    .context = world,
  };
  if (!status)
    status = log_open(world->disk, &log_options, &world->log, error);
  if (!status)
    status = checkpoint_clean(world->disk, &found, error);
  return status ? status : partition_recovered(world->partition, log_position(world->log), error);
}

static void count_ways(struct world *world)
{
  const struct trunk *trunk = &world->partition->trunk;
  const struct claims *claims = &world->partition->claims;
  uint64_t *ways = world->result->ways;
  ways[WAY_ADOPTED] += trunk->counts.adopted;
  ways[WAY_RERUN] += trunk->counts.rerun;
  ways[WAY_KEPT] += trunk->counts.steps_kept;
  ways[WAY_MOVED] += trunk->counts.moved;
  ways[WAY_ROUNDS] += trunk->counts.rounds;
  ways[WAY_ATTACHED] += world->partition->counts.long_attached;
  ways[WAY_FAILED] += trunk->counts.failed;
  ways[WAY_WAITS] += claims->counts.waits;
  ways[WAY_DEADLOCKS] += claims->counts.deadlocks;
  ways[WAY_BROKEN] += claims->counts.broken;
}

// Everything in memory goes; the disk stays as the crash leaves it.
static void lose_memory(struct world *world)
{
  count_ways(world);
  world->frame_count = 0;
  drop_checkpoint(world);
  for (; world->count; world->count--, world->first = (world->first + 1) % WAITING)
    buffer_deinit(&world->waiting[world->first].bytes);
  log_group_clear(&world->group);
  log_group_clear(&world->stuck);
  log_close(world->log);
  world->log = NULL;
  disk_close(world->lock);
  world->lock = NULL;
  partition_close(world->partition);
  world->partition = NULL;
  stream_lost(&world->ticks);
  stream_lost(&world->mirror);
  receiver_lost(&world->receiver);
  world->is_down = world->is_full = world->is_slow = world->sync_fails = false;
  for (int i = 0; i < CLIENTS; i++)
    world->clients[i] = (struct client){0};
  for (int i = 0; i < LISTERS; i++)
    lister_lost(&world->listers[i], &world->lists);
  for (int i = 0; i < READERS; i++)
    forget_unread(&world->unread[i]);
}

// The jobs that are out come back first: a partition is closed when nobody runs its jobs.
static void finish_jobs(struct world *world)
{
  step(world); // some may stand in the frames already
  while (world->job_count) {
    for (int i = 0; i < world->job_count; i++)
      job_cancel(world->jobs[i]);
    while (world->job_count && world->frame_count < 32)
      run_job(world);
    step(world);
  }
}

// The fault 'torn record accepted': whatever is torn at the log's end gets the checksum of what is there.
static void accept_torn(struct world *world)
{
  char name[DISK_NAME], last[DISK_NAME] = "";
  for (uint64_t serial = 0; serial < 4096; serial++) {
    size_t size;
    segment_name(SEGMENT_LOG, serial, name);
    if (disk_sim_bytes(world->sim, name, &size))
      memcpy(last, name, sizeof last);
  }
  size_t size;
  const uint8_t *bytes = last[0] ? disk_sim_bytes(world->sim, last, &size) : NULL;
  struct segment segment;
  struct header_read header;
  if (!bytes || segment_decode_header(bytes, size, &segment, &header) != HEADER_VALID)
    return;
  uint64_t seed = segment_seed(header.log_id, header.serial), offset = SEGMENT_HEADER;
  struct record record;
  enum record_state state;
  while ((state = record_read(bytes_of(bytes, size), offset, seed, &record)) == RECORD_WHOLE)
    offset += record_size(record.payload.size);
  if (state != RECORD_TORN)
    return;
  uint32_t length = get_le32(bytes + offset + 4);
  if (offset + RECORD_HEADER + length > size)
    return;
  uint8_t *copy = malloc(size);
  memcpy(copy, bytes, size);
  put_le64(copy + offset + 32, hash64(copy + offset + RECORD_HEADER, length, seed));
  put_le32(copy + offset, (uint32_t)hash64(copy + offset + 4, RECORD_HEADER - 4, seed));
  disk_sim_put(world->sim, last, copy, size);
  free(copy);
}

// One round of all that a client waits for.
static void go_round(struct world *world)
{
  step(world);
  run_job(world);
  write_log(world);
  deliver(world);
}

// Whether there is an answer, be it an error.
static bool is_answered(struct world *world, const char *text)
{
  struct client *client = &world->checker;
  client->values = 0;
  client->value = 0;
  client->has_failed = false;
  send_query(world, client, text);
  for (int i = 0; i < 200 && client->is_waiting; i++)
    go_round(world);
  return !client->is_waiting;
}

static void ask(struct world *world, const char *text)
{
  if (!is_answered(world, text) || world->checker.has_failed)
    model_violate(&world->model, "not answered after a recovery: %s %s", text, world->checker.sqlstate);
}

// Whatever came again: each key has what the last of its rows before the position says, or a later one.
static void check_mirror(struct world *world)
{
  long long position = world->mirror.given, keys = position < MIRROR_KEYS ? position : MIRROR_KEYS;
  char text[256];
  snprintf(text, sizeof text,
           "SELECT count(*) FROM mirror WHERE n %% %d = k AND n >= %lld - ((%lld - k) %% %d) AND n < %lld", MIRROR_KEYS,
           position - 1, position - 1, MIRROR_KEYS, (long long)world->mirror.newest);
  ask(world, text);
  if (world->checker.value < keys)
    model_violate(&world->model, "%lld keys of a source that repeats are as they must be, not %lld",
                  (long long)world->checker.value, keys);
}

static void check(struct world *world)
{
  struct model *model = &world->model;
  connect_client(world, &world->checker);
  ask(world, "SELECT 1");
  ask(world, "SELECT position FROM quern.sources WHERE name = 'ticks'"); // it may be paused, and was not opened
  world->ticks.given = world->checker.value;
  ask(world, "SELECT position FROM quern.sources WHERE name = 'mirror'");
  world->mirror.given = world->checker.value;
  ask(world, "SELECT id FROM ledger ORDER BY id");
  model_check_ledger(model, world->ids, world->checker.values);
  ask(world, "SELECT sum(balance) FROM account");
  model_saw_money(model, world->checker.value);
  ask(world, raised_text);
  model_saw_raised(model, world->checker.value, model->raised_floor, model->raised_acknowledged);
  ask(world, "SELECT coalesce(sum(n), 0) FROM counts");
  model_check_stream(model, world->checker.value, world->ticks.given);
  model_check_sink(model, world->receiver.found, world->ticks.given);
  check_mirror(world);
  for (int key = 0; key < KEYS; key++) {
    char text[64];
    snprintf(text, sizeof text, "SELECT v FROM value WHERE k = %d", key);
    ask(world, text);
    if (world->checker.values || model->value_floor[key])
      model_saw_value(model, key, world->checker.value, model->value_floor[key]);
  }
  add_frame(world, FRAME_CLOSE, world->checker.id, bytes_of("", 0));
  step(world);
}

// On a disk without room for the log it does not start, and nothing is harmed: it starts when there is room.
static void start(struct world *world)
{
  struct error error = {0};
  int status = recover(world, &error);
  if (status == STATUS_LIMIT && disk_sim_faults(world->sim)->capacity) {
    world->result->troubles[TROUBLE_START]++;
    lose_memory(world);
    disk_sim_kill(world->sim);
    *disk_sim_faults(world->sim) = (struct disk_sim_faults){0};
    status = recover(world, &error);
  }
  if (status)
    model_violate(&world->model, "the recovery failed: %s %s", error.message, error.detail);
  else
    step(world); // opens the sources
}

static void crash(struct world *world)
{
  note(world, "crash", log_durable(world->log));
  world->result->crashes++;
  finish_jobs(world);
  // A failed sync leaves pages in the machine's memory that the platter never gets: what is read of them is no measure.
  bool is_power_cut = pick(world, 4) > 0 || world->sync_fails;
  bool stays_full = disk_sim_faults(world->sim)->capacity && pick(world, 2);
  world->result->troubles[TROUBLE_SYNC] += world->sync_fails && !disk_sim_faults(world->sim)->fail_sync;
  if (is_power_cut)
    disk_sim_crash(world->sim);
  lose_memory(world);
  if (!is_power_cut)
    disk_sim_kill(world->sim);
  *disk_sim_faults(world->sim) = (struct disk_sim_faults){.capacity = stays_full};
  if (world->options.fault == FAULT_TORN_ACCEPTED)
    accept_torn(world);
  start(world);
  if (!world->model.violation[0])
    check(world);
}

static void set_up(struct world *world)
{
  static const char *const texts[] = {
    "CREATE TABLE account (id int PRIMARY KEY, balance int NOT NULL, raised int NOT NULL)",
    "CREATE INDEX ON account (raised)",
    "INSERT INTO account SELECT g, 100, 0 FROM generate_series(0, 9) g",
    "CREATE TABLE ledger (id int PRIMARY KEY)",
    "CREATE TABLE value (k int PRIMARY KEY, v int, u int UNIQUE, ballast text)",
    "CREATE TABLE counts (k int PRIMARY KEY, n int)",
    "CREATE SOURCE ticks (k int, n int) WITH (connector = 'sim')",
    "CREATE SOURCE mirror (k int PRIMARY KEY, n int) WITH (connector = 'sim')",
    "CREATE SINK file WITH (connector = 'sim') AS SELECT n - 1000000 FROM ticks", // STREAM_ELEMENT
    "CREATE WORKFLOW counting AS ("
    "INSERT INTO counts SELECT k, 1 FROM ticks ON CONFLICT (k) DO UPDATE SET n = counts.n + 1;"
    "INSERT INTO lists (k, m, v) SELECT k, k, n::text || ',' FROM ticks "
    "ON CONFLICT (k) DO UPDATE SET v = lists.v || excluded.v)",
  };
  connect_client(world, &world->checker);
  for (int i = 0; lister_definitions[i]; i++)
    ask(world, lister_definitions[i]);
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    ask(world, texts[i]);
  add_frame(world, FRAME_CLOSE, world->checker.id, bytes_of("", 0));
  step(world);
}

// Memory is scarce now and then: less is left than some statements need, or what is prepared gets too little.
static void tighten(struct world *world)
{
  struct memory_account *account = &world->partition->account;
  if (pick(world, 100) == 0) {
    struct partition *partition = world->partition;
    size_t bytes = pick(world, 2) ? DEFAULT_STATEMENT_MEMORY : 2048 + (size_t)pick(world, 64 * 1024);
    partition->options.statement_memory = partition->cache.statement_memory = bytes;
  }
  if (account->limit && pick(world, 40) == 0) {
    account->limit = 0;
  } else if (!account->limit && pick(world, 80) == 0) {
    account->limit = account_used(account) + (size_t)pick(world, 64 * 1024);
    world->result->troubles[TROUBLE_TIGHT]++;
  }
}

// What goes wrong with the disk begins and ends by chance; the partition is told of room as the engine tells it.
static void trouble(struct world *world)
{
  struct disk_sim_faults *faults = disk_sim_faults(world->sim);
  uint64_t *troubles = world->result->troubles;
  if (faults->capacity && pick(world, 250) == 0) {
    faults->capacity = 0;
  } else if (!faults->capacity && pick(world, 60) == 0) {
    faults->capacity = 1; // nothing grows any more
    troubles[TROUBLE_FULL]++;
  }
  if (world->is_slow && pick(world, 25) == 0) {
    world->is_slow = false;
  } else if (!world->is_slow && pick(world, 60) == 0) {
    world->is_slow = true;
    troubles[TROUBLE_SLOW]++;
  }
  if (!world->sync_fails && pick(world, 150) == 0) {
    world->sync_fails = true;
    faults->hides_failure = world->options.fault == FAULT_SYNC_HIDDEN;
    faults->fail_sync = 1 + (uint64_t)pick(world, 6);
  }
  bool is_full = !log_group_is_empty(&world->stuck) || !log_has_room(world->log);
  if (is_full == world->is_full || world->frame_count > 32)
    return;
  add_frame(world, is_full ? FRAME_FULL : FRAME_ROOM, 0, bytes_of("", 0));
  world->is_full = is_full;
  world->result->troubles[TROUBLE_TOLD] += is_full;
}

static void move(struct world *world)
{
  if (world->options.is_troubled)
    trouble(world);
  if (world->options.is_tight)
    tighten(world);
  int choice = pick(world, 100);
  if (choice < 40)
    anybody_moves(world);
  else if (choice < 62)
    step(world);
  else if (choice < 71)
    write_log(world);
  else if (choice < 74)
    sink_move(world);
  else if (choice < 84)
    deliver(world);
  else if (choice < 86)
    dawdle(world);
  else if (choice < 90)
    stream_move(world);
  else if (choice < 94)
    run_job(world);
  else if (choice < 97)
    checkpoint(world);
  else if (choice < 98)
    pick(world, 2) ? vanish(world, &world->clients[pick(world, CLIENTS)])
                   : vanish_lister(world, &world->listers[pick(world, LISTERS)]);
  else if (choice == 98 && pick(world, 3) == 0)
    disk_sim_faults(world->sim)->crash_operation = 1 + (uint64_t)pick(world, 12); // in the middle of something
  else if (choice == 99 && pick(world, 3) == 0)
    crash(world);
  if (world->is_down)
    crash(world);
  for (int i = 0; i < CLIENTS; i++)
    client_settle(world, &world->clients[i]);
}

// After all, the sink gets what is left, and has every row.
static void finish_sink(struct world *world)
{
  for (int i = 0; i < 200 && world->receiver.rows < world->ticks.given; i++) {
    sink_move(world);
    step(world);
    write_log(world);
  }
  if (world->receiver.rows != world->ticks.given)
    model_violate(&world->model, "the sink has %lld rows of %lld", (long long)world->receiver.rows,
                  (long long)world->ticks.given);
}

// After all, one transaction reads all lists, and the history is whole.
static void finish_history(struct world *world)
{
  struct lister *lister = &world->listers[0];
  struct quern_buffer messages = {0};
  connect_lister(world, lister);
  lister_read_all(lister, &world->lists, &messages);
  send_lister(world, lister, &messages);
  for (int i = 0; i < 200 && lister->ready_count; i++)
    go_round(world);
  if (lister->ready_count)
    model_violate(&world->model, "the lists were not answered after a recovery");
  lists_add_stream(&world->lists, world->ticks.given);
}

// After all, there is room again and the streams go on, also those that had stopped.
static void finish_streams(struct world *world)
{
  long long position = world->ticks.given;
  connect_client(world, &world->checker);
  ask(world, "ALTER SOURCE ticks SET (state = 'running')");
  ask(world, "ALTER SOURCE mirror SET (state = 'running')");
  for (int i = 0; i < 40; i++) {
    stream_move(world);
    sink_move(world);
    go_round(world);
  }
  ask(world, "SELECT position FROM quern.sources WHERE name = 'ticks'");
  world->ticks.given = world->checker.value;
  if (world->ticks.given <= position)
    model_violate(&world->model, "the stream does not go on behind %lld", position);
  ask(world, "SELECT coalesce(sum(n), 0) FROM counts");
  model_check_stream(&world->model, world->checker.value, world->ticks.given);
}

// What is in use when nobody does anything.
static size_t used_at_rest(struct world *world)
{
  for (int i = 0; i < 4; i++)
    go_round(world);
  while (partition_idle(world->partition)) {
  }
  partition_trim(world->partition);
  partition_trim(world->partition); // what was free since the first is given back
  return account_used(&world->partition->account);
}

// Rows that are there may come to lie in more chunks than they lay in; all else is given back.
static bool is_as_before(size_t used, size_t before)
{
  enum { CHUNK = 64 * 1024 };
  size_t more = used > before ? used - before : 0, less = before > used ? before - used : 0;
  return more % CHUNK == 0 && less % CHUNK == 0 && more <= 2 * CHUNK;
}

// A change that is undone, for want of memory somewhere on its way or at its end, leaves nothing in use.
static void finish_memory(struct world *world)
{
  static const char text[] =
    "INSERT INTO value SELECT g, 1000 / (1200 - g), g, repeat('x', 400) FROM generate_series(1000, 1200) g";
  enum { GROWING = 24, ROUNDS = 40 }; // at first plans are kept, of each way to run it, and tables grow
  struct memory_account *account = &world->partition->account;
  size_t before = 0;
  for (int i = 0; i < ROUNDS && !world->model.violation[0]; i++) {
    size_t used = used_at_rest(world);
    if (i <= GROWING)
      before = used;
    if (i > 1)
      account->limit = used + (size_t)pick(world, 256 * 1024);
    bool has_answer = is_answered(world, text) && world->checker.has_failed;
    bool is_tight = account->limit && strcmp(world->checker.sqlstate, "53200") == 0;
    account->limit = 0;
    if (!has_answer || !(is_tight || strcmp(world->checker.sqlstate, "22012") == 0))
      model_violate(&world->model, "neither undone nor refused for want of memory: %s", world->checker.sqlstate);
    world->result->troubles[TROUBLE_TIGHT] += is_tight;
    if (!is_as_before(used, before))
      model_violate(&world->model, "%zu bytes are in use after refused statements, and were %zu", used, before);
  }
  ask(world, "SELECT count(*) FROM value WHERE k >= 1000");
  if (world->checker.value)
    model_violate(&world->model, "%lld rows of a refused statement are there", (long long)world->checker.value);
}

static void write_history(struct world *world)
{
  FILE *file = world->options.history;
  CHECK(!world->lists.out.failed);
  fprintf(file, "{\"workload\":\"list\",\"seed\":%" PRIu64 "}\n", world->options.seed);
  fwrite(world->lists.out.data, 1, world->lists.out.size, file);
}

void world_run(const struct world_options *options, struct world_result *result)
{
  struct world *world = calloc(1, sizeof *world);
  CHECK(world != NULL);
  *result = (struct world_result){0};
  world->options = *options;
  world->random = options->seed;
  world->result = result;
  world->lists = (struct lists){.model = &world->model, .random = &world->random, .locks_tables = pick(world, 2)};
  world->lists.is_tight = options->is_tight;
  world->lists.may_be_refused = options->is_troubled || options->is_tight;
  world->hooks = (struct partition_hooks){.check_source = accept_any, .check_sink = accept_any};
  world->mirror.repeats = true;
  world->sim = disk_sim_open(options->seed);
  world->disk = disk_sim_disk(world->sim);
  start(world);
  set_up(world);
  for (; result->step < options->steps && !world->model.violation[0]; result->step++)
    move(world);
  if (!world->model.violation[0])
    crash(world);
  if (!world->model.violation[0])
    finish_history(world);
  if (!world->model.violation[0])
    finish_sink(world);
  *disk_sim_faults(world->sim) = (struct disk_sim_faults){0};
  if (!world->model.violation[0])
    finish_streams(world);
  if (!world->model.violation[0] && options->is_tight && options->seed % 4 == 0) // it takes longer than all else
    finish_memory(world);
  finish_jobs(world);
  if (options->history)
    write_history(world);
  memcpy(result->violation, world->model.violation, sizeof result->violation);
  result->hash = world->hash;
  lose_memory(world);
  for (int i = 0; i < 64; i++)
    buffer_deinit(&world->payloads[i]);
  for (int i = 0; i < LISTERS; i++)
    lister_deinit(&world->listers[i]);
  for (int i = 0; i < READERS; i++)
    buffer_deinit(&world->unread[i].bytes);
  stream_deinit(&world->ticks);
  stream_deinit(&world->mirror);
  buffer_deinit(&world->lists.out);
  log_group_deinit(&world->group);
  log_group_deinit(&world->stuck);
  disk_sim_close(world->sim);
  free(world);
}

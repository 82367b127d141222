// COPY … FROM STDIN: chunks of a file into a branch, whose script they are.
//
// A COPY spans many steps of the partition, and the trunk cannot be held for it: so it runs in a branch, be it the
// open transaction's or one of its own, and what the client sent is kept to run again should the trunk have moved.
// Rows for a source arrive together, as one batch, at the end: one statement is one atom.
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/sqlstate.h"
#include "partition/state.h"

struct copying {
  struct copy_feed *feed;
};

struct copy_feed {
  struct session *session;
  struct prepared *prepared;
  struct copy_reader reader;
  struct execution *execution;
  struct arena arena;       // of one row
  struct arena kept;        // of all rows when they are for a source
  struct value *values;     // of the file's columns
  struct value **rows;      // for a source: rows[i][column of the relation]
  int row_capacity;
  uint64_t row_count;
  bool has_begun;
  size_t mark;              // in the change list, where it began
};

struct copy_feed *copy_feed_open(struct session *session, struct prepared *prepared, struct error *error)
{
  struct copy_feed *feed = calloc(1, sizeof *feed);
  if (!feed)
    return (void)!error_memory(error), NULL;
  feed->session = session;
  feed->prepared = prepared_retain(prepared);
  arena_init(&feed->arena, &session->account);
  arena_init(&feed->kept, &session->account);
  copy_reader_init(&feed->reader, prepared->copy);
  feed->values = calloc((size_t)prepared->copy->column_count + 1, sizeof *feed->values);
  feed->execution = execution_open(prepared->plan, &prepared->account);
  if (feed->values && feed->execution)
    return feed;
  copy_feed_close(feed);
  return (void)!error_memory(error), NULL;
}

void copy_feed_close(struct copy_feed *feed)
{
  if (!feed)
    return;
  execution_close(feed->execution);
  copy_reader_deinit(&feed->reader);
  arena_deinit(&feed->arena);
  arena_deinit(&feed->kept);
  free(feed->values);
  free(feed->rows);
  prepared_release(feed->prepared);
  free(feed);
}

uint64_t copy_feed_rows(const struct copy_feed *feed)
{
  return feed->row_count;
}

// The row of an INSERT into a source, defaults and casts done: kept until the file's end.
struct feed_run {
  struct run run; // first: the hooks' context
  struct copy_feed *feed;
};

static int keep_row(void *context, struct writer *writer, const struct relation *source, const struct row_batch *rows,
                    struct error *error)
{
  struct copy_feed *feed = ((struct feed_run *)context)->feed;
  if (feed->row_count == (uint64_t)feed->row_capacity) {
    int capacity = feed->row_capacity ? 2 * feed->row_capacity : 64;
    struct value **grown = realloc(feed->rows, sizeof *grown * (size_t)capacity);
    if (!grown)
      return error_memory(error);
    feed->rows = grown;
    feed->row_capacity = capacity;
  }
  int columns = source->schema.column_count;
  struct value *row = ARENA_ARRAY(&feed->kept, struct value, columns + 1);
  if (!row)
    return error_memory(error);
  for (int i = 0; i < columns; i++) {
    row[i] = rows->rows[0][i];
    if (!row[i].is_null && !value_copy(source->schema.columns[i].type.id, &row[i], &feed->kept))
      return error_memory(error);
  }
  feed->rows[feed->row_count] = row;
  return 0;
}

static int insert_row(struct copy_feed *feed, const struct execution_input *input, struct error *error)
{
  const struct value *row;
  int status = execution_start(feed->execution, input, error);
  while (!status && (status = execution_next(feed->execution, &row, error)) > 0)
    status = 0;
  if (!status)
    feed->row_count += execution_row_count(feed->execution);
  execution_stop(feed->execution);
  if (status == STATUS_INPUT)
    copy_reader_place(&feed->reader, error);
  return status;
}

int copy_feed_chunk(struct copy_feed *feed, struct writer *writer, struct bytes chunk, bool at_end, int64_t now, uint64_t random,
                    struct error *error)
{
  struct session *session = feed->session;
  const struct copy *copy = feed->prepared->copy;
  bool is_source = copy->relation->kind == RELATION_SOURCE;
  struct feed_run feeding = {.feed = feed};
  struct run *run = &feeding.run;
  run_init(run, session->partition, &session->settings, writer->version, &session->scratch, now, now, random, error);
  numbering_attach(run, session, writer->numbers, false);
  writer->arena = &session->scratch;
  writer->evaluation = &run->evaluation;
  writer->error = error;
  struct read_mark mark = {0};
  writer->mark = &mark;
  struct execution_input input = {
    .version = writer->version,
    .writer = writer,
    .parameters = feed->values,
    .settings = &session->settings.format,
    .hooks = &run_hooks,
    .context = &run->context,
    .now = now,
    .statement_now = now,
    .clock_now = session->partition->time.wall,
    .mark = &mark,
    .push = keep_row,
    .row_filter = copy->where,
    .is_part = true,
    .system = &run->system,
  };
  if (!feed->has_begun)
    feed->mark = change_mark(writer->changes);
  feed->has_begun = true;
  struct format_settings format = session_format(session);
  int status = copy_reader_feed(&feed->reader, chunk, error);
  while (!status) {
    arena_reset(&feed->arena);
    int got = copy_reader_next(&feed->reader, at_end, &format, &feed->arena, feed->values, error);
    if (got <= 0) {
      status = got;
      break;
    }
    status = insert_row(feed, &input, error);
  }
  if (!status && at_end && is_source) {
    struct row_batch batch = {.rows = feed->rows, .row_count = (int)feed->row_count};
    status = flow_push(session->partition->flow, writer, copy->relation, &batch, error);
  } else if (!status && at_end) {
    status = table_check_statement(writer, feed->mark);
  }
  return status;
}

// --- The session's side -------------------------------------------------------------------------------------

void copying_close(struct session *session)
{
  if (!session->copying)
    return;
  copy_feed_close(session->copying->feed);
  free(session->copying);
  session->copying = NULL;
}

// All that its rows look at is told with its first step: keys of the table. NULL: it may be more than that.
static const struct read_set *copy_reads(struct session *session, const struct copy *copy)
{
  const struct relation *relation = copy->relation;
  if (relation->kind == RELATION_SOURCE || relation->is_checked_late)
    return NULL;
  branch_reads_tree(session->branch, relation->tree);
  for (int i = 0; i < relation->index_count; i++)
    branch_reads_tree(session->branch, relation->indexes[i].tree);
  return &no_reads;
}

int copying_begin(struct session *session, struct portal *portal, struct error *error)
{
  struct prepared *prepared = portal->prepared;
  if (session->settings.read_only && !relation_is_temporary(prepared->copy->relation))
    return error_set(error, SQLSTATE_READ_ONLY_SQL_TRANSACTION, "cannot execute COPY FROM in a read-only transaction");
  if (!transaction_in_branch(session))
    return RUN_RESTART;
  batch_tell(session); // the client sends its rows when it has been asked for them
  session->has_queried = true;
  const struct version *version;
  struct writer writer;
  int status = transaction_version(session, ACCESS_CHANGE, &version, &writer, error);
  if (status)
    return status;
  if (prepared->definitions != version_definitions(version))
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "cached plan must not change result type");
  struct promise promise = {0};
  status = transaction_record_copy(session, 'B', prepared->text, &promise, copy_reads(session, prepared->copy), error);
  if (status)
    return status;
  struct copying *copying = calloc(1, sizeof *copying);
  if (!copying)
    return error_memory(error);
  session->copying = copying;
  copying->feed = copy_feed_open(session, prepared, error);
  if (!copying->feed) {
    copying_close(session);
    return error->status;
  }
  message_copy_response(&session->partition->replies, 'G', prepared->copy->column_count,
                        prepared->copy->options.is_binary);
  return RUN_COPY;
}

static int copying_chunk(struct session *session, struct bytes chunk, bool at_end, struct error *error)
{
  struct copy_feed *feed = session->copying->feed;
  const struct version *version;
  struct writer writer;
  buffer_clear(&session->kept);
  int status = transaction_version(session, ACCESS_CHANGE, &version, &writer, error);
  if (!status)
    status = copy_feed_chunk(feed, &writer, chunk, at_end, session->transaction_now, 0, error);
  if (status)
    return status;
  struct promise promise = {0};
  if (!at_end)
    return transaction_record_copy(session, 'D', chunk, &promise, &no_reads, error);
  char tag[64];
  snprintf(tag, sizeof tag, "COPY %llu", (unsigned long long)feed->row_count);
  promise_add_text(&promise, tag, session->partition->promise_seed);
  status = transaction_record_copy(session, 'E', chunk, &promise, &no_reads, error);
  if (!status)
    message_tag(&session->partition->replies, tag);
  return status;
}

int copying_message(struct session *session, const struct message *message, struct error *error)
{
  int status;
  switch (message->type) {
  case 'H':
  case 'S': return RUN_COPY;
  case 'd':
    status = copying_chunk(session, message->body, false, error);
    if (!status)
      return RUN_COPY;
    break;
  case 'c': status = copying_chunk(session, bytes_of("", 0), true, error); break;
  case 'f': {
    struct message_reader reader = {.body = message->body};
    struct bytes reason = read_string(&reader);
    status = error_set(error, SQLSTATE_QUERY_CANCELED, "COPY from stdin failed: %.*s", (int)(reason.size < 400 ? reason.size : 400),
                       (const char *)reason.data);
    break;
  }
  default:
    status = error_set(error, SQLSTATE_PROTOCOL_VIOLATION, "unexpected message type 0x%02X during COPY from stdin",
                       (uint8_t)message->type);
    break;
  }
  copying_close(session);
  return status;
}

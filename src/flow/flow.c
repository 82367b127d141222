// Rows on their way through a source's table and its workflows.
//
// 1. Consumers (the running workflows of the definitions in force) are looked up once for each value of
//    version_definitions; their tasks are opened when their source first brings a row.
// 2. A task never runs inside itself: feedback is refused where workflows are made, and here once more.
#include "flow/flow.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/sqlstate.h"
#include "data/array.h"
#include "data/json.h"
#include "data/utf8.h"
#include "flow/internal.h"
#include "txn/atom.h"
#include "table/user_type.h"

struct consumer {
  uint32_t workflow_oid, source_oid;
  struct relation *workflow; // pinned
  struct task *task;         // NULL: not opened yet
  bool takes_atom;
  bool is_running;
};

struct flow {
  struct catalog *catalog;
  struct flow_hooks hooks;
  struct memory_account *account;
  uint64_t definitions; // of which the consumers are
  bool is_loaded;
  struct consumer *consumers;
  int consumer_count, consumer_capacity;
  int depth;
  struct passage *passage; // under way, the innermost
  bool is_arriving; // a connector's batch is under way
};

struct flow *flow_open(struct catalog *catalog, const struct flow_hooks *hooks, struct memory_account *account)
{
  struct flow *flow = calloc(1, sizeof *flow);
  if (!flow)
    return NULL;
  flow->catalog = catalog;
  flow->hooks = *hooks;
  flow->account = account;
  return flow;
}

static void unload(struct flow *flow)
{
  for (int i = 0; i < flow->consumer_count; i++) {
    if (flow->consumers[i].task)
      flow->hooks.task_close(flow->hooks.context, flow->consumers[i].task);
    relation_unpin(flow->consumers[i].workflow);
  }
  flow->consumer_count = 0;
  flow->is_loaded = false;
}

void flow_close(struct flow *flow)
{
  unload(flow);
  free(flow->consumers);
  free(flow);
}

// --- Consumers ----------------------------------------------------------------------------------------------

static bool is_paused(const struct relation *relation)
{
  return relation->state && strcmp(relation->state, "paused") == 0;
}

static bool is_keyed(const struct relation *source)
{
  return source->tree != 0;
}

// A sink that is paused delivers nothing, but its rows gather.
static bool is_consumer(const struct relation *relation)
{
  bool takes_rows = relation->kind == RELATION_SINK || (relation->kind == RELATION_WORKFLOW && !is_paused(relation));
  return takes_rows && relation->dependency_count > 0;
}

bool flow_wants_source(const struct flow *flow, const struct version *version, const struct relation *source)
{
  if (is_paused(source))
    return false;
  if (is_keyed(source))
    return true;
  uint32_t oid = 0;
  const struct relation *relation;
  while ((relation = catalog_next(flow->catalog, version, &oid)))
    if (is_consumer(relation) && relation->dependencies[0] == source->oid)
      return true;
  return false;
}

static int add_consumer(struct flow *flow, const struct relation *workflow, struct error *error)
{
  if (flow->consumer_count == flow->consumer_capacity) {
    int capacity = flow->consumer_capacity ? 2 * flow->consumer_capacity : 16;
    struct consumer *consumers = realloc(flow->consumers, sizeof *consumers * (size_t)capacity);
    if (!consumers)
      return error_memory(error);
    flow->consumers = consumers;
    flow->consumer_capacity = capacity;
  }
  flow->consumers[flow->consumer_count++] = (struct consumer){
      .workflow_oid = workflow->oid,
      .source_oid = workflow->dependencies[0],
      .workflow = relation_pin(workflow),
  };
  return 0;
}

static int load(struct flow *flow, struct writer *writer)
{
  uint64_t definitions = version_definitions(writer->version);
  if (flow->is_loaded && flow->definitions == definitions)
    return 0;
  if (flow->depth > 0) // a workflow's statement cannot change definitions
    return error_set(writer->error, SQLSTATE_INTERNAL_ERROR, "definitions have changed under a running workflow");
  unload(flow);
  uint32_t oid = 0;
  const struct relation *relation;
  while ((relation = catalog_next(flow->catalog, writer->version, &oid))) {
    int status = is_consumer(relation) ? add_consumer(flow, relation, writer->error) : 0;
    if (status) {
      unload(flow);
      return status;
    }
  }
  flow->definitions = definitions;
  flow->is_loaded = true;
  return 0;
}

// A task that cannot be opened fails its rows.
static int open_task(struct flow *flow, struct writer *writer, struct consumer *consumer, const struct relation *source)
{
  if (consumer->task)
    return 0;
  return flow->hooks.task_open(flow->hooks.context, writer, consumer->workflow, source, &consumer->task,
                               &consumer->takes_atom, writer->error);
}

static bool feeds(const struct flow *flow, const struct version *version, uint32_t source_oid,
                  const struct relation *sink, int depth)
{
  if (sink->dependencies[0] == source_oid)
    return true;
  uint32_t oid = 0;
  const struct relation *workflow;
  while (depth < LIMIT_WORKFLOW_DEPTH && (workflow = catalog_next(flow->catalog, version, &oid)))
    for (int i = 1; workflow->kind == RELATION_WORKFLOW && i < workflow->dependency_count &&
                    workflow->dependencies[0] == source_oid;
         i++) {
      const struct relation *next = catalog_find_oid(flow->catalog, version, workflow->dependencies[i]);
      if (next && next->kind == RELATION_SOURCE && next->oid != source_oid &&
          feeds(flow, version, next->oid, sink, depth + 1))
        return true;
    }
  return false;
}

bool flow_feeds(const struct flow *flow, const struct version *version, uint32_t source_oid, const struct relation *sink)
{
  return feeds(flow, version, source_oid, sink, 0);
}

// --- Rows -----------------------------------------------------------------------------------------------------

struct consumer_counts {
  uint64_t runs, rows_in, rows_out, errors;
};

// Rows of one source under way, with what is counted of them.
struct passage {
  struct flow *flow;
  struct writer *writer;
  const struct relation *source;
  const struct arrival *arrival; // NULL: a push; its errors are the statement's
  uint64_t errors;
  struct consumer_counts *counts; // one a consumer
  struct event_clock clock;
  struct passage *outer; // whose row's workflow brought these rows
  struct catalog_types types; // passage_settings's
};

// How values are read: types made by users are those that the writer sees.
static struct format_settings passage_settings(struct passage *passage)
{
  struct format_settings settings = format_settings_default;
  catalog_types_init(&passage->types, passage->flow->catalog, passage->writer->version, NULL);
  settings.types = &passage->types.types;
  return settings;
}

// A column of a row in PostgreSQL's binary form: as text; in hexadecimal where it is none of the column's type.
static void append_binary(struct buffer *text, const struct schema *schema, int column, struct bytes bytes,
                          const struct format_settings *settings, struct arena *arena)
{
  struct value value;
  struct error ignored;
  if (column < schema->column_count &&
      value_from_binary(schema->columns[column].type, bytes, settings, arena, &value, &ignored) == 0) {
    value_to_text(schema->columns[column].type.id, &value, &format_settings_default, text);
    return;
  }
  for (size_t i = 0; i < bytes.size; i++)
    buffer_format(text, "%02x", bytes.data[i]);
}

// What a connector found in the place of a row: what is wrong (0), and the text (1).
enum { BAD_ROW = 0xffff };

static bool is_bad_row(struct bytes row)
{
  return row.size >= 2 && get_be16(row.data) == BAD_ROW;
}

static struct bytes bad_row_part(struct bytes row, int part)
{
  const uint8_t *at = row.data + 2;
  for (; part > 0; part--)
    at += 4 + (int32_t)get_be32(at);
  return bytes_of(at + 4, get_be32(at));
}

// The text of a row as quern.source_errors shows it: its columns with commas between.
static struct bytes row_text(struct passage *passage, struct bytes row, struct arena *arena)
{
  const struct arrival *arrival = passage->arrival;
  struct format_settings settings = passage_settings(passage);
  struct buffer text = {0};
  if (is_bad_row(row))
    return bad_row_part(row, 1);
  int columns = row.size >= 2 ? get_be16(row.data) : 0;
  size_t at = 2;
  for (int i = 0; i < columns && row.size - at >= 4; i++) {
    int32_t size = (int32_t)get_be32(row.data + at);
    at += 4;
    if (i)
      buffer_append_u8(&text, ',');
    if (size > 0 && arrival->is_binary)
      append_binary(&text, &arrival->source->schema, i, bytes_of(row.data + at, (size_t)size), &settings,
                    arena);
    else if (size > 0)
      buffer_append(&text, row.data + at, (size_t)size);
    at += size > 0 ? (size_t)size : 0;
  }
  const uint8_t *copy = text.failed ? NULL : arena_copy(arena, text.data, text.size);
  struct bytes result = bytes_of(copy, copy ? text.size : 0);
  buffer_deinit(&text);
  return result;
}

// Is it the row's fault? Want of memory is not: its batch comes again.
static bool is_of_row(const struct error *error, int status)
{
  return status != STATUS_FATAL && strcmp(error->sqlstate, SQLSTATE_OUT_OF_MEMORY) != 0;
}

// After something that failed or not: what it did is undone and the row put down, and the stream goes on. Not so for
// a push, whose error is the statement's.
static int settle(struct passage *passage, struct atom_mark mark, struct bytes row, int status)
{
  struct writer *writer = passage->writer;
  if (!status || !passage->arrival || !is_of_row(writer->error, status))
    return status;
  writer_rollback(writer, mark);
  struct error reason = *writer->error;
  error_clear(writer->error);
  passage->errors++;
  return source_error_add(writer, passage->source->oid, passage->arrival->position,
                          row_text(passage, row, writer->arena), &reason, passage->arrival->now);
}

// A stream's row is a transaction of its own: nothing is deferred beyond it. What a client pushes is part of its.
static int check_deferred(struct passage *passage, struct atom_mark mark)
{
  return passage->arrival ? table_check_deferred(passage->writer, mark.change) : STATUS_OK;
}

static int run_task(struct passage *passage, int index, const struct row_batch *rows)
{
  struct flow *flow = passage->flow;
  struct consumer *consumer = &flow->consumers[index];
  struct writer *writer = passage->writer;
  if (consumer->is_running)
    return error_set(writer->error, SQLSTATE_STATEMENT_TOO_COMPLEX, "workflow \"%s\" feeds its own source",
                     consumer->workflow->name);
  if (flow->depth >= LIMIT_WORKFLOW_DEPTH)
    return error_set(writer->error, SQLSTATE_STATEMENT_TOO_COMPLEX,
                     "more than %d workflows feed each other, up to \"%s\"", LIMIT_WORKFLOW_DEPTH,
                     consumer->workflow->name);
  uint64_t rows_out = 0;
  struct atom_mark mark = writer_mark(writer);
  consumer->is_running = true;
  flow->depth++;
  int status = flow->hooks.task_run(flow->hooks.context, consumer->task, writer, rows, &rows_out, writer->error);
  flow->depth--;
  consumer->is_running = false;
  if (!status)
    status = check_deferred(passage, mark);
  struct consumer_counts *counts = &passage->counts[index];
  counts->runs++;
  counts->rows_in += (uint64_t)rows->row_count;
  counts->rows_out += status ? 0 : rows_out;
  counts->errors += status != 0;
  return status;
}

// The rows through every consumer that takes them so: one by one, or the atom's all at once. Tasks are opened by the
// first; one that could not be has failed each row, and is not asked for the whole atom again.
static int run_consumers(struct passage *passage, const struct row_batch *rows, bool as_atom, struct bytes text)
{
  struct flow *flow = passage->flow;
  for (int i = 0; i < flow->consumer_count; i++) {
    struct consumer *consumer = &flow->consumers[i];
    if (consumer->source_oid != passage->source->oid || (as_atom && !consumer->task))
      continue;
    struct atom_mark mark = writer_mark(passage->writer);
    int status = open_task(flow, passage->writer, consumer, passage->source);
    if (!status && consumer->takes_atom != as_atom)
      continue;
    if (!status)
      status = run_task(passage, i, rows);
    status = settle(passage, mark, text, status);
    if (status)
      return status;
  }
  return 0;
}

static bool has_atom_consumer(const struct passage *passage)
{
  for (int i = 0; i < passage->flow->consumer_count; i++)
    if (passage->flow->consumers[i].source_oid == passage->source->oid &&
        (!passage->flow->consumers[i].task || passage->flow->consumers[i].takes_atom))
      return true;
  return false;
}

// One row: the source's table and its constraints first, then its consumers. *is_taken: it is one of the atom's rows.
static int pass_row(struct passage *passage, struct value *values, struct bytes text, bool *is_taken)
{
  struct row_batch one = {.rows = &values, .row_count = 1};
  const struct relation *source = passage->source;
  struct atom_mark mark = writer_mark(passage->writer);
  uint64_t before = passage->errors;
  bool is_late = event_clock_is_late(&passage->clock, values);
  *is_taken = false;
  passage->clock.late += is_late;
  if (is_late && passage->clock.drops)
    return 0;
  int status =
      is_keyed(source) ? table_upsert(passage->writer, source, values) : table_check(passage->writer, source, values);
  if (!status)
    status = table_check_statement(passage->writer, mark.change);
  if (!status)
    status = check_deferred(passage, mark);
  status = settle(passage, mark, text, status);
  *is_taken = !status && passage->errors == before;
  if (!*is_taken)
    return status;
  event_clock_advance(&passage->clock, values);
  return run_consumers(passage, &one, false, text);
}

static int passage_begin(struct passage *passage, struct flow *flow, struct writer *writer,
                         const struct relation *source, const struct arrival *arrival)
{
  int status = load(flow, writer);
  *passage = (struct passage){.flow = flow, .writer = writer, .source = source, .arrival = arrival};
  if (!status)
    status = event_clock_open(source, writer->version, &passage->clock, writer->error);
  if (status)
    return status;
  passage->counts = ARENA_ARRAY(writer->arena, struct consumer_counts, flow->consumer_count + 1);
  passage->outer = flow->passage;
  return passage->counts ? 0 : error_memory(writer->error);
}

static int note_consumer(struct passage *passage, const struct relation *consumer, const struct consumer_counts *counts)
{
  struct progress progress;
  progress_read(passage->writer->version, consumer->oid, &progress);
  if (consumer->kind == RELATION_SINK) {
    progress.counts[SINK_ERRORS] += counts->errors;
  } else {
    progress.counts[WORKFLOW_ATOMS]++;
    progress.counts[WORKFLOW_ROWS_IN] += counts->rows_in;
    progress.counts[WORKFLOW_ROWS_OUT] += counts->rows_out;
    progress.counts[WORKFLOW_ERRORS] += counts->errors;
  }
  return progress_write(passage->writer, consumer->oid, &progress);
}

// Puts down how far source and workflows are.
static int passage_end(struct passage *passage, uint64_t rows, uint64_t bytes)
{
  struct writer *writer = passage->writer;
  struct progress progress;
  progress_read(writer->version, passage->source->oid, &progress);
  progress.counts[SOURCE_ROWS] += rows;
  progress.counts[SOURCE_BYTES] += bytes;
  progress.counts[SOURCE_ERRORS] += passage->errors;
  progress.counts[SOURCE_LATE] += passage->clock.late;
  if (passage->clock.newest)
    progress.counts[SOURCE_NEWEST] = passage->clock.newest;
  if (passage->arrival)
    progress.position = passage->arrival->position;
  int status = progress_write(writer, passage->source->oid, &progress);
  for (int i = 0; !status && i < passage->flow->consumer_count; i++) {
    const struct relation *consumer = passage->flow->consumers[i].workflow;
    bool is_told = passage->counts[i].runs && (consumer->kind != RELATION_SINK || passage->counts[i].errors);
    if (is_told)
      status = note_consumer(passage, consumer, &passage->counts[i]);
  }
  return status;
}

bool flow_watermark(const struct flow *flow, const struct version *version, const struct relation *source,
                    int64_t *watermark)
{
  for (const struct passage *passage = flow->passage; passage; passage = passage->outer)
    if (passage->source->oid == source->oid)
      return event_clock_watermark(&passage->clock, watermark);
  struct event_clock clock;
  struct error ignored;
  return event_clock_open(source, version, &clock, &ignored) == 0 && event_clock_watermark(&clock, watermark);
}

// --- A push -----------------------------------------------------------------------------------------------------

// Pushed rows are counted by what their values take.
static uint64_t row_bytes(const struct relation *source, const struct value *values)
{
  uint64_t bytes = 0;
  for (int i = 0; i < source->schema.column_count; i++)
    if (!values[i].is_null) {
      const struct type_info *type = type_info(source->schema.columns[i].type.id);
      bytes += type->storage == STORAGE_BYTES ? values[i].size : type->row_size;
    }
  return bytes;
}

// A client's rows are refused where a sink could not keep up with them; a connector's wait at their origin.
static int check_outboxes(const struct flow *flow, const struct writer *writer, const struct relation *source)
{
  for (int i = 0; i < flow->consumer_count && !flow->is_arriving; i++) {
    const struct relation *sink = flow->consumers[i].workflow;
    if (sink->kind != RELATION_SINK || flow->consumers[i].source_oid != source->oid ||
        !flow_outbox_is_full(writer->version, sink))
      continue;
    int status = error_set(writer->error, SQLSTATE_CONFIGURATION_LIMIT_EXCEEDED, "the outbox of sink \"%s\" is full",
                           sink->name);
    error_detail(writer->error, "%llu rows wait for the sink, whose outbox_rows is %llu.",
                 (unsigned long long)tree_count(writer->version, sink->tree), (unsigned long long)flow_outbox_limit(sink));
    error_hint(writer->error, "quern.sinks tells what it waits for.");
    return status;
  }
  return 0;
}

int flow_push(struct flow *flow, struct writer *writer, const struct relation *source, const struct row_batch *rows,
              struct error *error)
{
  if (is_paused(source))
    return error_set(error, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE, "source \"%s\" is paused", source->name);
  struct error *outer = writer->error;
  writer->error = error;
  struct passage passage;
  int status = passage_begin(&passage, flow, writer, source, NULL);
  if (!status)
    status = check_outboxes(flow, writer, source);
  uint64_t bytes = 0;
  bool is_taken;
  int taken = 0;
  struct value **kept = status ? NULL : ARENA_ARRAY(writer->arena, struct value *, rows->row_count + 1);
  if (!status && !kept)
    status = error_memory(error);
  flow->passage = status ? flow->passage : &passage;
  for (int i = 0; !status && i < rows->row_count; i++) {
    struct arena_mark memory = arena_mark(writer->arena);
    status = pass_row(&passage, rows->rows[i], bytes_of(NULL, 0), &is_taken);
    if (is_taken)
      kept[taken++] = rows->rows[i];
    bytes += row_bytes(source, rows->rows[i]);
    arena_release(writer->arena, memory);
  }
  struct row_batch atom = {.rows = kept, .row_count = taken};
  if (!status && taken > 0)
    status = run_consumers(&passage, &atom, true, bytes_of(NULL, 0));
  if (!status)
    status = passage_end(&passage, (uint64_t)rows->row_count, bytes);
  if (flow->passage == &passage)
    flow->passage = passage.outer;
  writer->error = outer;
  return status;
}

// --- A connector's batch --------------------------------------------------------------------------------------------

// Takes one row's bytes off the batch. False: its framing is broken.
static bool next_row(struct bytes *rows, struct bytes *row)
{
  if (rows->size < 2)
    return false;
  bool is_bad = is_bad_row(*rows);
  int columns = is_bad ? 2 : get_be16(rows->data);
  size_t at = 2;
  for (int i = 0; i < columns; i++) {
    if (rows->size - at < 4)
      return false;
    int32_t size = (int32_t)get_be32(rows->data + at);
    at += 4;
    if (size < (is_bad ? 0 : -1) || (size > 0 && rows->size - at < (size_t)size))
      return false;
    at += size > 0 ? (size_t)size : 0;
  }
  *row = bytes_of(rows->data, at);
  *rows = bytes_of(rows->data + at, rows->size - at);
  return true;
}

static int read_value(const struct column *column, struct bytes bytes, bool is_binary,
                      const struct format_settings *settings, struct arena *arena, struct value *value,
                      struct error *error)
{
  int status = is_binary ? value_from_binary(column->type, bytes, settings, arena, value, error)
                         : value_from_text(column->type, bytes, settings, arena, value, error);
  if (!status && column->type.modifier != -1)
    status = value_apply_modifier(column->type, false, arena, value, error);
  if (status)
    snprintf(error->column, sizeof error->column, "%s", column->name);
  return status;
}

// A member's value: strings without their quotes, but where JSON is wanted; an array as the column's.
static int read_member(const struct column *column, struct bytes json, const struct format_settings *settings,
                       struct arena *arena, struct value *value, struct error *error)
{
  if (json_kind_of(json) == JSON_NULL) {
    *value = value_null();
    return 0;
  }
  bool is_array = type_is_array(column->type.id) && json_kind_of(json) == JSON_ARRAY;
  if (!is_array &&
      (json_kind_of(json) != JSON_STRING || column->type.id == TYPE_JSON || column->type.id == TYPE_JSONB))
    return read_value(column, json, false, settings, arena, value, error);
  struct buffer text = {0};
  int status = is_array ? array_text_from_json(column->type.id, json, &text, error) : json_unescape(json, &text, error);
  const uint8_t *copy = status ? NULL : arena_copy(arena, text.data, text.size);
  if (!status)
    status = copy ? read_value(column, bytes_of(copy, text.size), false, settings, arena, value, error) : error_memory(error);
  buffer_deinit(&text);
  return status;
}

// One column: an object whose members are columns. Others are left aside; of several with one name the last one counts.
static int read_json_row(const struct relation *source, struct bytes row, const struct format_settings *settings,
                         struct arena *arena, struct value *values, struct error *error)
{
  struct bytes text = bytes_of(row.data + 6, row.size - 6), quoted, json;
  int status = utf8_check(text, error);
  if (!status)
    status = json_parse(text, NULL, NULL, error);
  if (status)
    return status;
  if (json_kind_of(text) != JSON_OBJECT)
    return error_set(error, SQLSTATE_BAD_COPY_FILE_FORMAT, "the row is not a JSON object");
  for (int i = 0; i < source->schema.column_count; i++)
    values[i] = value_null();
  struct buffer name = {0};
  size_t at = 0;
  while (!status && json_next(text, &at, &quoted, &json)) {
    buffer_clear(&name);
    status = json_unescape(quoted, &name, error);
    buffer_append_u8(&name, 0);
    if (!status && name.failed)
      status = error_memory(error);
    int column = status ? -1 : relation_column(source, (const char *)name.data);
    if (column >= 0)
      status = read_member(&source->schema.columns[column], json, settings, arena, &values[column], error);
  }
  buffer_deinit(&name);
  return status;
}

static int read_row(struct passage *passage, struct bytes row, struct arena *arena, struct value *values,
                    struct error *error)
{
  const struct relation *source = passage->source;
  const struct arrival *arrival = passage->arrival;
  struct format_settings settings = passage_settings(passage);
  if (is_bad_row(row)) {
    struct bytes reason = bad_row_part(row, 0);
    return error_set(error, SQLSTATE_BAD_COPY_FILE_FORMAT, "%.*s", (int)(reason.size < 400 ? reason.size : 400),
                     (const char *)reason.data);
  }
  if (arrival->is_json && get_be16(row.data) == 1 && (int32_t)get_be32(row.data + 2) >= 0)
    return read_json_row(source, row, &settings, arena, values, error);
  int columns = get_be16(row.data);
  if (columns != source->schema.column_count)
    return error_set(error, SQLSTATE_BAD_COPY_FILE_FORMAT, "the row has %d columns, source \"%s\" has %d", columns,
                     source->name, source->schema.column_count);
  size_t at = 2;
  for (int i = 0; i < columns; i++) {
    int32_t size = (int32_t)get_be32(row.data + at);
    at += 4;
    values[i] = value_null();
    if (size < 0)
      continue;
    int status = read_value(&source->schema.columns[i], bytes_of(row.data + at, (size_t)size), arrival->is_binary,
                            &settings, arena, &values[i], error);
    if (status)
      return status;
    at += (size_t)size;
  }
  return 0;
}

// Row after row; the rows that could be read are kept in `kept` where consumers want the whole atom.
static int arrive_rows(struct passage *passage, struct value **kept, int *kept_count)
{
  struct writer *writer = passage->writer;
  const struct arrival *arrival = passage->arrival;
  struct bytes rest = arrival->rows, row;
  int columns = passage->source->schema.column_count;
  struct value *scratch = ARENA_ARRAY(writer->arena, struct value, columns + 1);
  if (!scratch)
    return error_memory(writer->error);
  for (int i = 0; i < arrival->row_count; i++) {
    if (!next_row(&rest, &row))
      return error_set(writer->error, SQLSTATE_BAD_COPY_FILE_FORMAT,
                       "the connector of source \"%s\" gave a malformed batch", passage->source->name);
    struct arena_mark memory = arena_mark(writer->arena);
    struct value *values = kept ? ARENA_ARRAY(writer->arena, struct value, columns + 1) : scratch;
    if (!values)
      return error_memory(writer->error);
    uint64_t errors = passage->errors;
    struct atom_mark mark = writer_mark(writer);
    int status = read_row(passage, row, writer->arena, values, writer->error);
    status = settle(passage, mark, row, status);
    bool is_taken = false;
    if (!status && passage->errors == errors)
      status = pass_row(passage, values, row, &is_taken);
    if (kept && is_taken)
      kept[(*kept_count)++] = values;
    if (status)
      return status;
    if (!kept)
      arena_release(writer->arena, memory);
  }
  return 0;
}

int flow_arrive(struct flow *flow, struct writer *writer, const struct arrival *arrival, struct error *error)
{
  writer->error = error;
  struct passage passage;
  int status = passage_begin(&passage, flow, writer, arrival->source, arrival);
  if (status)
    return status;
  struct value **kept = NULL;
  int kept_count = 0;
  if (has_atom_consumer(&passage)) {
    kept = ARENA_ARRAY(writer->arena, struct value *, arrival->row_count + 1);
    if (!kept)
      return error_memory(error);
  }
  flow->is_arriving = true;
  flow->passage = &passage;
  status = arrive_rows(&passage, kept, &kept_count);
  if (!status && kept_count > 0) {
    struct row_batch rows = {.rows = kept, .row_count = kept_count};
    status = run_consumers(&passage, &rows, true, bytes_of(NULL, 0));
  }
  flow->is_arriving = false;
  flow->passage = passage.outer;
  return status ? status : passage_end(&passage, (uint64_t)arrival->row_count, arrival->rows.size);
}

int flow_fail(struct writer *writer, const struct relation *source, const struct error *reason, int64_t now,
              struct error *error)
{
  writer->error = error;
  struct progress progress;
  progress_read(writer->version, source->oid, &progress);
  int status = source_error_add(writer, source->oid, progress.position, bytes_of(NULL, 0), reason, now);
  if (status)
    return status;
  progress_read(writer->version, source->oid, &progress);
  progress.counts[SOURCE_ERRORS]++;
  return progress_write(writer, source->oid, &progress);
}

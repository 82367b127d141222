// Atoms on the trunk. The invariants and the diagram are in atom.h.
#include "txn/atom.h"

#include "base/check.h"
#include "table/sequence.h"
#include "txn/internal.h"

// From there on looking at what has changed costs less than running the step.
enum { REPAIR_ROWS = 100 };

// From there on taking a branch's trees costs less than making its changes once more.
enum { ADOPTED_CHANGES = 1000 };

int trunk_open(struct trunk *trunk, struct store *store, struct catalog *catalog)
{
  *trunk = (struct trunk){.store = store, .catalog = catalog, .repair_rows = REPAIR_ROWS, .adopted_changes = ADOPTED_CHANGES};
  change_list_init(&trunk->changes);
  return STATUS_OK;
}

void trunk_close(struct trunk *trunk)
{
  CHECK(!trunk->is_running);
  change_list_deinit(&trunk->changes);
  history_deinit(&trunk->history);
  heat_deinit(&trunk->heat);
  buffer_deinit(&trunk->output);
  buffer_deinit(&trunk->signals);
}

void atom_begin(struct trunk *trunk, struct writer *writer)
{
  CHECK(!trunk->is_running);
  trunk->is_running = true;
  writer->version = store_trunk(trunk->store);
  writer->changes = &trunk->changes;
  writer->catalog = trunk->catalog;
  writer->position = trunk->position + 1;
  writer->committed = trunk->position;
  trunk->definitions = version_definitions(writer->version);
}

// A machine without memory for the way back has a state that is neither before nor after, and nothing good can
// come of going on: the log has what was acknowledged.
static void undo(struct writer *writer, struct atom_mark mark)
{
  struct error error;
  int status = table_undo(writer, mark.change, &error);
  CHECK(status == STATUS_OK);
  if (version_definitions(writer->version) != mark.definitions)
    version_set_definitions(writer->version, mark.definitions);
}

static void undo_atom(struct trunk *trunk)
{
  struct writer writer = {.version = store_trunk(trunk->store), .changes = &trunk->changes, .catalog = trunk->catalog,
                          .committed = trunk->position};
  undo(&writer, (struct atom_mark){.definitions = trunk->definitions});
}

static void set_idle(struct trunk *trunk)
{
  CHECK(trunk->is_running);
  change_list_clear(&trunk->changes);
  trunk->is_running = false;
}

static bool emit_signals(struct trunk *trunk, const struct change_list *changes)
{
  struct buffer *signals = &trunk->signals;
  size_t begin = signals->size;
  struct change change;
  buffer_append_le32(signals, 0);
  for (size_t at = 0; change_next(changes, &at, &change);)
    if (change.flags & CHANGE_SIGNAL) {
      buffer_append_le32(signals, (uint32_t)change.new_row.size);
      buffer_append_bytes(signals, change.new_row);
    }
  if (!signals->failed) {
    put_le32(signals->data + begin, (uint32_t)(signals->size - begin - 4));
    return true;
  }
  signals->size = begin;
  signals->failed = false;
  return false;
}

int trunk_emit(struct trunk *trunk, const struct change_list *changes, const struct version *version,
               uint64_t position, size_t *entries, struct error *error)
{
  size_t told = trunk->signals.size;
  if (changes->signals && !emit_signals(trunk, changes))
    return error_memory(error);
  if (trunk->without_output) {
    *entries = changes->count;
    return STATUS_OK;
  }
  struct buffer *output = &trunk->output;
  size_t start = output->size, head = start + 12;
  buffer_append_le64(output, position);
  buffer_append_le32(output, 0);
  *entries = change_encode(changes, version, (struct bytes){0}, output);
  if (output->failed || output->size - head > UINT32_MAX) {
    output->size = start;
    output->failed = false;
    trunk->signals.size = told;
    return error_memory(error);
  }
  if (*entries == 0)
    output->size = start;
  else
    put_le32(output->data + start + 8, (uint32_t)(output->size - head));
  return STATUS_OK;
}

int atom_commit(struct trunk *trunk, uint64_t *position, struct error *error)
{
  CHECK(trunk->is_running);
  *position = 0;
  struct version *version = store_trunk(trunk->store);
  size_t entries = 0;
  bool brings_numbers = !sequence_is_logged(trunk->catalog);
  if (trunk->changes.count > 0 || brings_numbers) {
    struct writer writer = {.version = version, .changes = &trunk->changes, .catalog = trunk->catalog,
                            .position = trunk->position + 1, .committed = trunk->position, .error = error};
    int status = sequence_log(&writer, version_definitions(version) != trunk->definitions);
    if (!status)
      status = trunk_emit(trunk, &trunk->changes, version, trunk->position + 1, &entries, error);
    if (status) {
      sequence_unlogged(trunk->catalog);
      atom_abort(trunk);
      return status;
    }
  }
  if (entries == 0) {
    undo_atom(trunk); // all came back to what it was
  } else {
    if (trunk->branches)
      history_note(&trunk->history, &trunk->changes, trunk->author);
    change_finish(&trunk->changes, version);
    *position = ++trunk->position;
    trunk->counts.atoms++;
  }
  if (brings_numbers)
    sequence_logged(trunk->catalog, *position);
  set_idle(trunk);
  return STATUS_OK;
}

void atom_abort(struct trunk *trunk)
{
  CHECK(trunk->is_running);
  undo_atom(trunk);
  trunk->counts.aborted++;
  set_idle(trunk);
}

struct atom_mark writer_mark(const struct writer *writer)
{
  return (struct atom_mark){
    .change = change_mark(writer->changes), .definitions = version_definitions(writer->version)};
}

void writer_rollback(struct writer *writer, struct atom_mark mark)
{
  undo(writer, mark);
}

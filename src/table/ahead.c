// Trees that are made ahead of their definition, beside the trunk. What they are and who makes them is in write.h.
//
// 1. Between the two runs of a statement no definition has changed, and it draws the same numbers: so the trees that it makes
//    have the numbers of those that are ready, and mean the same.
#include "base/sqlstate.h"
#include "table/internal.h"

void ahead_deinit(struct ahead *ahead)
{
  relation_unpin(ahead->to);
  buffer_deinit(&ahead->drawn);
  buffer_deinit(&ahead->rows);
  store_close(ahead->side);
  *ahead = (struct ahead){0};
}

// --- Numbers ----------------------------------------------------------------------------------------------------
// Each entry: counter (4), number (8).

enum { DRAWN_ENTRY = 12 };

static bool again(void *context, uint32_t counter, int64_t *number)
{
  struct ahead *ahead = context;
  if (!ahead->side || (counter != NUMBER_OBJECT && counter != NUMBER_TREE))
    return false;
  for (size_t *at = &ahead->drawn_at[counter == NUMBER_TREE]; *at < ahead->drawn.size;) {
    const uint8_t *entry = ahead->drawn.data + *at;
    *at += DRAWN_ENTRY;
    *number = (int64_t)get_le64(entry + 4);
    if (get_le32(entry) == counter)
      return true;
  }
  return false;
}

static int keep(void *context, uint32_t counter, int64_t number, struct error *error)
{
  struct ahead *ahead = context;
  if (ahead->side || (counter != NUMBER_OBJECT && counter != NUMBER_TREE))
    return STATUS_OK;
  buffer_append_le32(&ahead->drawn, counter);
  buffer_append_le64(&ahead->drawn, (uint64_t)number);
  return ahead->drawn.failed ? error_memory(error) : STATUS_OK;
}

struct numbers ahead_numbers(struct ahead *ahead)
{
  return (struct numbers){.context = ahead, .again = again, .keep = keep};
}

// --- Asking and taking ------------------------------------------------------------------------------------------

int ahead_trees(const struct ahead *ahead, tree_number *trees, tree_number *logged)
{
  const struct relation *to = ahead->to;
  int count = 0;
  *logged = ahead->index ? 0 : to->tree;
  trees[count++] = ahead->index ? ahead->index : to->tree;
  for (int i = 0; !ahead->index && i < to->index_count; i++)
    if (!to->indexes[i].is_primary)
      trees[count++] = to->indexes[i].tree;
  return count;
}

// Not of rows that the same statement has moved there: beside the trunk they are not.
bool ahead_is_wanted(const struct writer *writer, tree_number tree)
{
  bool is_wanted = writer->ahead && writer->ahead->allowance && tree_count(writer->version, tree) > writer->ahead->allowance;
  struct change change;
  for (size_t at = 0; is_wanted && change_next(writer->changes, &at, &change);)
    is_wanted = change.tree != tree || !(change.flags & CHANGE_FILLED);
  return is_wanted;
}

int ahead_ask(struct ahead *ahead, const struct relation *to, tree_number index)
{
  ahead->relation_oid = to->oid;
  ahead->to = relation_pin(to);
  ahead->index = index;
  return STATUS_LONG;
}

bool ahead_is_ready(const struct ahead *ahead, tree_number tree)
{
  return ahead && ahead->side && (ahead->index ? ahead->index : ahead->to->tree) == tree;
}

int ahead_take(struct writer *writer)
{
  struct ahead *ahead = writer->ahead;
  tree_number trees[STORE_ATTACH_LIMIT], logged;
  size_t mark = change_mark(writer->changes);
  int count = ahead_trees(ahead, trees, &logged), status = STATUS_OK;
  for (int i = 0; i < count && !status; i++)
    status = write_whole(writer, trees[i], CHANGE_FILLED | (trees[i] == logged ? CHANGE_READY : CHANGE_DERIVED));
  if (!status && !store_attach(version_store(writer->version), ahead->side, trees, trees, count, writer->position))
    status = error_memory(writer->error);
  if (status)
    return write_undo(writer, mark, status);
  ahead->side = NULL;
  if (logged) {
    buffer_deinit(&writer->changes->ready);
    writer->changes->ready = ahead->rows;
    ahead->rows = (struct buffer){0};
  }
  return STATUS_OK;
}

// --- Making them ------------------------------------------------------------------------------------------------

static int build_index(struct writer *writer, const struct relation *to, const struct index *index, const bool *is_cancelled)
{
  struct load_set set = {.is_cancelled = is_cancelled};
  size_t twin;
  int status = load_index(&set, writer->catalog, writer->version, to, index, NULL, writer->error);
  if (!status)
    status = load_run(&set, writer->version, index->tree, 0, &twin, writer->error);
  load_deinit(&set);
  return status == WRITE_REFUSED ? AHEAD_NOT_UNIQUE : status;
}

static int build_rows(struct writer *writer, const struct relation *from, const struct relation *to, const bool *is_cancelled)
{
  struct load_set set = {.is_cancelled = is_cancelled};
  size_t twin;
  int status = load_rewritten(&set, writer, from, to);
  if (!status)
    status = load_run(&set, writer->version, to->tree, 0, &twin, writer->error);
  load_deinit(&set);
  return status == WRITE_REFUSED ? AHEAD_NOT_UNIQUE : status;
}

static bool is_made(const struct ahead *ahead, const struct index *index)
{
  return ahead->index ? index->tree == ahead->index : !index->is_primary;
}

int ahead_build(struct writer *writer, const struct relation *relation, const struct ahead *ahead, const bool *is_cancelled)
{
  const struct relation *to = ahead->to;
  int status = ahead->index ? STATUS_OK : build_rows(writer, relation, to, is_cancelled);
  for (int i = 0; i < to->index_count && !status; i++)
    if (is_made(ahead, &to->indexes[i]))
      status = build_index(writer, to, &to->indexes[i], is_cancelled);
  return status;
}

static int check_index(struct writer *writer, const struct relation *to, const struct index *index, const struct version *part)
{
  struct load_set set = {0};
  int status = load_index(&set, writer->catalog, part, to, index, NULL, writer->error);
  for (size_t i = 0; i < set.count && !status; i++) {
    struct bytes prefix = bytes_of(set.bytes.data + set.items[i].key, set.items[i].prefix_size);
    if (prefix.size && index_prefix_count(writer, index, prefix, 2) > 1)
      status = AHEAD_NOT_UNIQUE;
  }
  load_deinit(&set);
  return status;
}

int ahead_check(struct writer *writer, const struct relation *relation, const struct ahead *ahead,
                const struct version *version, const struct version *part)
{
  const struct relation *to = ahead->to;
  // A row that took another one's place under a key is one row less.
  if (!ahead->index && tree_count(writer->version, to->tree) != tree_count(version, relation->tree))
    return AHEAD_NOT_UNIQUE;
  int status = STATUS_OK;
  for (int i = 0; i < to->index_count && !status && part; i++)
    if (is_made(ahead, &to->indexes[i]) && to->indexes[i].is_unique)
      status = check_index(writer, to, &to->indexes[i], part);
  return status;
}

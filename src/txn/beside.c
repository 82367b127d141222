// Long changes beside the trunk. The diagram and the rules are in beside.h.
//
// 1. `base` is what the side shares with the trunk; it is kept as long as the side is there.
// 2. The side is the statement run on what is in `at`.
// 3. `changes` names every key of which the trunk, or what the log says of it, may differ from the side; when it is large,
//    those since the payload was written.
#include "txn/beside.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/sqlstate.h"
#include "store/read_set.h"
#include "txn/internal.h"

enum { PAYLOAD_HEAD = 12 }; // position and size
enum { ELSEWHERE = 1 };     // it cannot be done here

struct beside {
  struct trunk *trunk;
  struct beside_table table; // relation NULL: a statement that does not treat rows by themselves
  size_t few;
  struct memory_account account;
  struct catalog *catalog; // its own: the trunk's belongs to the trunk's thread
  struct version *base, *at, *to; // snapshots
  struct store *side;
  struct change_list changes;
  bool is_large, has_followed;
  struct buffer payload;
  uint64_t rows, followed;
};

struct beside *beside_open(struct trunk *trunk, const struct beside_table *table, size_t few, struct memory_account *account)
{
  struct beside *beside = calloc(1, sizeof *beside);
  if (!beside)
    return NULL;
  beside->trunk = trunk;
  if (table)
    beside->table = *table;
  beside->few = few;
  beside->account.parent = account;
  change_list_init(&beside->changes);
  beside->changes.bytes.account = beside->payload.account = &beside->account;
  beside->catalog = catalog_open(&beside->account, NULL);
  beside->base = beside->at = version_snapshot(store_trunk(trunk->store));
  if (beside->catalog && beside->base)
    beside->side = store_open_side(beside->base, &beside->account);
  if (beside->side)
    return beside;
  beside_close(beside);
  return NULL;
}

static void close_versions(struct beside *beside)
{
  store_close(beside->side);
  if (beside->to)
    version_close(beside->to);
  if (beside->at != beside->base)
    version_close(beside->at);
  if (beside->base)
    version_close(beside->base);
  beside->side = NULL;
  beside->base = beside->at = beside->to = NULL;
}

void beside_close(struct beside *beside)
{
  if (!beside)
    return;
  close_versions(beside);
  change_list_deinit(&beside->changes);
  buffer_deinit(&beside->payload);
  catalog_close(beside->catalog);
  free(beside);
}

bool beside_is_lost(const struct beside *beside)
{
  return version_definitions(store_trunk(beside->trunk->store)) != version_definitions(beside->base);
}

uint64_t beside_rows(const struct beside *beside)
{
  return beside->rows;
}

uint64_t beside_followed(const struct beside *beside)
{
  return beside->followed;
}

bool beside_is_large(const struct beside *beside)
{
  return beside->is_large;
}

bool beside_has_tree(const struct beside *beside, tree_number tree)
{
  const struct relation *relation = beside->table.relation;
  bool has = relation && relation->tree == tree;
  for (int i = 0; relation && i < relation->index_count && !has; i++)
    has = relation->indexes[i].tree == tree;
  for (int i = 0; i < beside->table.count && !has; i++)
    has = beside->table.trees[i] == tree;
  return has;
}

// --- On any thread ----------------------------------------------------------------------------------------------

// What the log gets begins: with the head of an atom, or, of trees that become somebody else's, with all of their rows.
static void begin_payload(struct beside *beside, const struct version *version)
{
  struct change_list none;
  change_list_init(&none);
  if (beside->table.logged && beside->table.is_ahead) {
    change_encode_tree(version, beside->table.logged, &beside->payload);
  } else if (!beside->table.is_ahead) {
    buffer_append(&beside->payload, (uint8_t[PAYLOAD_HEAD]){0}, PAYLOAD_HEAD);
    change_encode(&none, version, (struct bytes){0}, &beside->payload);
  }
}

// From few changes to many: the trees become the side's own, and what was noted of rows becomes a payload.
static int settle(struct beside *beside, struct error *error)
{
  struct version *version = store_trunk(beside->side);
  bool was_large = beside->is_large, is_ahead = beside->table.is_ahead, is_logged = !beside->trunk->without_output;
  if (!was_large && !is_ahead && beside->changes.count <= beside->few)
    return STATUS_OK;
  for (int i = 0; i < beside->table.count && !was_large && !is_ahead; i++)
    if (!tree_own(version, beside->table.trees[i]))
      return error_memory(error);
  if (is_logged && !was_large)
    begin_payload(beside, version);
  if (is_logged && (was_large || !is_ahead))
    change_encode_touched(&beside->changes, version, &beside->payload);
  beside->is_large = true;
  change_list_clear(&beside->changes);
  return beside->payload.failed ? error_memory(error) : STATUS_OK;
}

static struct writer side_writer(struct beside *beside, struct error *error)
{
  return (struct writer){.version = store_trunk(beside->side), .changes = &beside->changes, .catalog = beside->catalog,
                         .error = error};
}

// Which trees a statement has changed that does not treat rows by themselves.
static int note_changed(struct beside *beside, const struct read_set *reads)
{
  bool is_noted = !reads->failed && !beside->changes.whole;
  struct change change;
  beside->table.count = 0;
  for (size_t at = 0; is_noted && change_next(&beside->changes, &at, &change);)
    if (!(change.flags & CHANGE_WORD))
      is_noted = note_tree(beside->table.trees, &beside->table.count, change.tree);
  return is_noted ? STATUS_OK : ELSEWHERE;
}

int beside_run(struct beside *beside, const struct beside_runner *runner, struct error *error)
{
  struct writer writer = side_writer(beside, error);
  int status = runner->run(runner->context, &writer, &beside->rows, error);
  if (!status && !beside->table.relation)
    status = note_changed(beside, runner->reads);
  return status ? status : settle(beside, error);
}

// Rows that have changed, as they were or as they are, and what the statement makes of them.
struct part {
  struct store *side; // NULL: no rows
  struct change_list changes;
  uint64_t rows;
};

static int part_add(struct beside *beside, struct part *part, struct bytes key, struct bytes row, struct error *error)
{
  if (!part->side) {
    part->side = store_open_side(beside->to, &beside->account);
    if (!part->side || !table_part_begin(store_trunk(part->side), beside->table.relation))
      return error_memory(error);
  }
  struct writer writer = {.version = store_trunk(part->side), .catalog = beside->catalog, .error = error};
  return table_part_add(&writer, beside->table.relation, key, row);
}

static int part_run(struct beside *beside, struct part *part, const struct beside_runner *runner, struct error *error)
{
  if (!part->side)
    return STATUS_OK;
  struct writer writer = {.version = store_trunk(part->side), .changes = &part->changes, .catalog = beside->catalog,
                          .error = error};
  return runner->run(runner->context, &writer, &part->rows, error);
}

static void part_init(struct beside *beside, struct part *part)
{
  *part = (struct part){0};
  change_list_init(&part->changes);
  part->changes.bytes.account = &beside->account;
}

static void part_deinit(struct part *part)
{
  store_close(part->side);
  change_list_deinit(&part->changes);
}

// What the statement has changed of rows that the trunk has, too.
static int touch(struct beside *beside, const struct part *part, struct error *error)
{
  struct change change;
  for (size_t at = 0; change_next(&part->changes, &at, &change);)
    if (!change_append(&beside->changes, &change))
      return error_memory(error);
  return STATUS_OK;
}

static const struct version *part_version(const struct part *part)
{
  return part->side ? store_trunk(part->side) : NULL;
}

static int gather(struct beside *beside, struct part *old_part, struct part *new_part, const struct beside_runner *runner,
                  uint64_t limit, struct error *error)
{
  struct diff *diff = diff_open(beside->at, beside->to, beside->table.relation->tree);
  if (!diff)
    return error_memory(error);
  struct diff_entry entry;
  uint64_t count = 0;
  int status = STATUS_OK;
  while (!status && diff_next(diff, &entry)) {
    if (count++ == limit)
      status = STATUS_LONG;
    else if (flag_is_set(runner->is_cancelled))
      status = error_set(error, SQLSTATE_QUERY_CANCELED, "canceling statement due to user request");
    if (!status && entry.old_row.data)
      status = part_add(beside, old_part, entry.key, entry.old_row, error);
    if (!status && entry.new_row.data)
      status = part_add(beside, new_part, entry.key, entry.new_row, error);
  }
  diff_close(diff);
  if (!status)
    beside->followed = count;
  return status;
}

static int follow_rows(struct beside *beside, const struct beside_runner *runner, uint64_t limit, struct error *error)
{
  struct part old_part, new_part;
  part_init(beside, &old_part);
  part_init(beside, &new_part);
  int status = gather(beside, &old_part, &new_part, runner, limit, error);
  if (!status)
    status = part_run(beside, &old_part, runner, error);
  if (!status)
    status = part_run(beside, &new_part, runner, error);
  if (!status)
    status = touch(beside, &new_part, error);
  struct writer writer = side_writer(beside, error);
  if (!status)
    status = table_part_replace(&writer, beside->table.trees, beside->table.count, beside->table.logged,
                                part_version(&old_part), part_version(&new_part));
  if (!status && runner->check)
    status = runner->check(runner->context, &writer, beside->to, part_version(&new_part), error);
  if (!status)
    status = settle(beside, error);
  if (!status)
    beside->rows += new_part.rows - old_part.rows;
  part_deinit(&old_part);
  part_deinit(&new_part);
  return status;
}

static int put_entry(struct version *side, tree_number tree, const struct diff_entry *entry, struct error *error)
{
  struct tree_put put = {.tree = tree, .key = entry->key, .row = entry->new_row};
  enum put_result result = entry->new_row.data ? tree_put(side, &put) : tree_delete(side, &put);
  return result == PUT_NO_MEMORY ? error_memory(error) : STATUS_OK;
}

// What the trunk has changed of one of the side's trees: counted, or taken over. None of it is what the statement has
// changed: whatever it writes it looks at.
static int walk_entries(struct beside *beside, tree_number tree, bool takes, const struct beside_runner *runner, uint64_t limit,
                        struct error *error)
{
  struct diff *diff = diff_open(beside->at, beside->to, tree);
  if (!diff)
    return error_memory(error);
  struct diff_entry entry;
  int status = STATUS_OK;
  while (!status && diff_next(diff, &entry)) {
    if (flag_is_set(runner->is_cancelled))
      status = error_set(error, SQLSTATE_QUERY_CANCELED, "canceling statement due to user request");
    else if (takes)
      status = put_entry(store_trunk(beside->side), tree, &entry, error);
    else if (beside->followed++ == limit)
      status = STATUS_LONG;
  }
  diff_close(diff);
  return status;
}

static int look_at_reads(const struct beside *beside, const struct read_set *reads, struct error *error)
{
  struct buffer encoded = {.account = beside->changes.bytes.account};
  struct bytes key;
  read_set_encode(reads, &encoded);
  int status = encoded.failed ? error_memory(error) : STATUS_OK;
  struct read_walk walk = {.encoded = buffer_bytes(&encoded)};
  while (!status && read_walk_next(&walk))
    if (read_walk_differs(&walk, beside->at, beside->to, &key))
      status = BESIDE_STALE;
  buffer_deinit(&encoded);
  return status;
}

static int follow_reads(struct beside *beside, const struct beside_runner *runner, uint64_t limit, struct error *error)
{
  int status = look_at_reads(beside, runner->reads, error);
  beside->followed = 0;
  for (int i = 0; i < beside->table.count && !status; i++)
    status = walk_entries(beside, beside->table.trees[i], false, runner, limit, error);
  for (int i = 0; i < beside->table.count && !status; i++)
    status = walk_entries(beside, beside->table.trees[i], true, runner, limit, error);
  return status;
}

int beside_follow(struct beside *beside, const struct beside_runner *runner, uint64_t limit, struct error *error)
{
  int status = beside->table.relation ? follow_rows(beside, runner, limit, error) : follow_reads(beside, runner, limit, error);
  beside->has_followed = !status;
  return status;
}

// --- On the trunk's ---------------------------------------------------------------------------------------------

bool beside_pin(struct beside *beside)
{
  struct version *now = version_snapshot(store_trunk(beside->trunk->store));
  if (!now)
    return false;
  struct version *gone = beside->has_followed ? beside->at : beside->to;
  if (beside->has_followed)
    beside->at = beside->to;
  beside->to = now;
  beside->has_followed = false;
  if (gone && gone != beside->base)
    version_close(gone);
  return true;
}

bool beside_renew(struct beside *beside)
{
  close_versions(beside);
  change_list_clear(&beside->changes);
  buffer_clear(&beside->payload);
  beside->is_large = beside->has_followed = false;
  beside->rows = 0;
  beside->base = beside->at = version_snapshot(store_trunk(beside->trunk->store));
  if (beside->base)
    beside->side = store_open_side(beside->base, &beside->account);
  return beside->side;
}

bool beside_open_table(struct beside *beside, const struct relation *relation, bool adds)
{
  struct catalog *catalog = beside->trunk->catalog;
  const struct version *version = store_trunk(beside->trunk->store);
  return catalog_share(catalog, version, relation, beside->catalog) &&
         (!adds || relation->key_count || catalog_give_row_numbers(catalog, version, relation, beside->catalog));
}

int beside_apply(const struct beside *beside, struct writer *writer)
{
  return table_part_copy(writer, &beside->changes, store_trunk(beside->side));
}

int beside_attach(struct beside *beside, uint64_t *position, struct error *error)
{
  struct trunk *trunk = beside->trunk;
  struct buffer *output = &trunk->output, *payload = &beside->payload;
  CHECK(!trunk->is_running && beside->is_large);
  size_t start = output->size;
  if (!trunk->without_output) {
    if (payload->size - PAYLOAD_HEAD > UINT32_MAX || !buffer_reserve(output, payload->size)) {
      output->failed = false;
      return error_memory(error);
    }
    put_le64(payload->data, trunk->position + 1);
    put_le32(payload->data + 8, (uint32_t)(payload->size - PAYLOAD_HEAD));
    buffer_append_bytes(output, buffer_bytes(payload));
  }
  if (!store_attach(trunk->store, beside->side, beside->table.trees, beside->table.trees, beside->table.count, trunk->position + 1)) {
    output->size = start;
    return error_memory(error);
  }
  beside->side = NULL;
  *position = ++trunk->position;
  trunk->counts.atoms++;
  return STATUS_OK;
}

struct store *beside_take(struct beside *beside, struct buffer *rows)
{
  struct store *side = beside->side;
  account_pass_on(&beside->account, beside->payload.capacity);
  *rows = beside->payload;
  rows->account = beside->account.parent;
  beside->payload = (struct buffer){0};
  beside->side = NULL;
  return side;
}

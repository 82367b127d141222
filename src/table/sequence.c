// Sequences: drawing, and what the log learns of it. The invariants are in sequence.h.
//
// A counter is listed in catalog->drawn when it went beyond what the log has, and its sequence is one of the trunk.
// A sequence that only a branch has is found when the branch commits, by its definition among the changes.
#include "table/sequence.h"

#include "base/sqlstate.h"
#include "table/internal.h"

enum { COLUMN_LAST, COLUMN_AHEAD, COLUMN_CALLED, SEQUENCE_COLUMNS };

static const uint8_t row_key[8] = {0, 0, 0, 0, 0, 0, 0, 1};

static int put_row(struct writer *writer, const struct relation *sequence, int64_t last, bool is_called)
{
  struct buffer *row = &writer->catalog->scratch.row;
  struct value values[SEQUENCE_COLUMNS] = {value_integer(last), value_integer(0), value_boolean(is_called)};
  buffer_clear(row);
  int status = row_encode(&sequence->schema, values, row, writer->error);
  if (status)
    return status;
  status = write_put(writer, sequence->tree, 0, PUT_ANY, bytes_of(row_key, sizeof row_key), buffer_bytes(row), NULL);
  return status;
}

int sequence_begin(struct writer *writer, const struct relation *sequence, int64_t value, bool is_called)
{
  return put_row(writer, sequence, value, is_called);
}

// The counter, which begins where the log ended.
static int find_counter(struct catalog *catalog, const struct version *version, const struct relation *sequence,
                        struct counter **counter, struct error *error)
{
  struct tree_info *info = catalog_tree_info(catalog, sequence->tree);
  if (!info)
    return error_memory(error);
  *counter = &info->counter;
  if (info->counter.is_known)
    return STATUS_OK;
  struct bytes row, key = bytes_of(row_key, sizeof row_key);
  if (!tree_get(store_trunk(version_store(version)), sequence->tree, key, &row, NULL) &&
      !tree_get(version, sequence->tree, key, &row, NULL))
    return error_set(error, SQLSTATE_DATA_CORRUPTED, "sequence \"%s\" has no row", sequence->name);
  struct value values[SEQUENCE_COLUMNS];
  int status = relation_row(sequence, row, values, error);
  if (status)
    return status;
  info->counter = (struct counter){
    .value = values[COLUMN_LAST].integer, .is_called = values[COLUMN_CALLED].integer, .is_known = true};
  return STATUS_OK;
}

// The value behind `value`, by so many steps. False: there are fewer.
static bool advance(const struct sequence *sequence, int64_t value, int64_t *next)
{
  int64_t sum;
  if (__builtin_add_overflow(value, sequence->increment, &sum))
    return false;
  if (sequence->increment > 0 ? sum > sequence->maximum : sum < sequence->minimum)
    return false;
  *next = sum;
  return true;
}

static bool is_of_trunk(struct catalog *catalog, const struct version *version, const struct relation *sequence)
{
  struct error error;
  const struct relation *found;
  const struct version *trunk = store_trunk(version_store(version));
  return !catalog_load(catalog, trunk, sequence->oid, NULL, &found, &error) && found && found->tree == sequence->tree;
}

static int list(struct catalog *catalog, const struct version *version, const struct relation *sequence,
                struct counter *counter, struct error *error)
{
  if (counter->is_listed || !is_of_trunk(catalog, version, sequence))
    return STATUS_OK;
  buffer_append_le32(&catalog->drawn, sequence->tree);
  if (catalog->drawn.failed) {
    catalog->drawn.failed = false;
    return error_memory(error);
  }
  counter->is_listed = true;
  return STATUS_OK;
}

static int end_of_sequence(const struct relation *sequence, struct error *error)
{
  bool is_upwards = sequence->sequence.increment > 0;
  return error_set(error, SQLSTATE_SEQUENCE_LIMIT_EXCEEDED, "nextval: reached %s value of sequence \"%s\" (%lld)",
                   is_upwards ? "maximum" : "minimum", sequence->name,
                   (long long)(is_upwards ? sequence->sequence.maximum : sequence->sequence.minimum));
}

static bool is_covered(const struct counter *counter, const struct sequence *sequence, int64_t from, int64_t to)
{
  bool is_upwards = sequence->increment > 0;
  if (!counter->has_logged || counter->is_upwards != is_upwards)
    return false;
  return is_upwards ? to >= from && to <= counter->logged : to <= from && to >= counter->logged;
}

int sequence_next(struct catalog *catalog, const struct version *version, const struct relation *relation,
                  const struct numbers *numbers, int64_t *number, struct error *error)
{
  const struct sequence *sequence = &relation->sequence;
  struct counter *counter;
  if (numbers && numbers->again(numbers->context, relation->tree, number))
    return STATUS_OK;
  int status = find_counter(catalog, version, relation, &counter, error);
  if (status)
    return status;
  int64_t next = counter->value;
  if (counter->is_called && !advance(sequence, counter->value, &next)) {
    if (!sequence->is_cycled)
      return end_of_sequence(relation, error);
    next = sequence->increment > 0 ? sequence->minimum : sequence->maximum;
  }
  if (!is_covered(counter, sequence, counter->value, next))
    status = list(catalog, version, relation, counter, error);
  if (status)
    return status;
  counter->value = *number = next;
  counter->is_called = counter->is_ahead = true;
  return numbers ? numbers->keep(numbers->context, relation->tree, next, error) : STATUS_OK;
}

int sequence_set(struct catalog *catalog, const struct version *version, const struct relation *relation, int64_t number,
                 bool is_called, struct error *error)
{
  const struct sequence *sequence = &relation->sequence;
  struct counter *counter;
  if (number < sequence->minimum || number > sequence->maximum)
    return error_set(error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE,
                     "setval: value %lld is out of bounds for sequence \"%s\" (%lld..%lld)", (long long)number,
                     relation->name, (long long)sequence->minimum, (long long)sequence->maximum);
  int status = find_counter(catalog, version, relation, &counter, error);
  if (!status)
    status = list(catalog, version, relation, counter, error);
  if (status)
    return status;
  counter->value = number;
  counter->is_called = is_called;
  counter->has_logged = counter->is_ahead = false;
  return STATUS_OK;
}

int sequence_look(struct catalog *catalog, const struct version *version, const struct relation *relation,
                  struct sequence_state *state, struct error *error)
{
  struct counter *counter;
  int status = find_counter(catalog, version, relation, &counter, error);
  if (status)
    return status;
  *state = (struct sequence_state){.last = counter->value, .is_called = counter->is_called};
  int64_t increment = relation->sequence.increment;
  if (is_covered(counter, &relation->sequence, counter->value, counter->value))
    state->ahead = (int64_t)(increment > 0 ? ((uint64_t)counter->logged - (uint64_t)counter->value) / (uint64_t)increment
                                           : ((uint64_t)counter->value - (uint64_t)counter->logged) / -(uint64_t)increment);
  return STATUS_OK;
}

// --- The log ----------------------------------------------------------------------------------------

bool sequence_is_logged(const struct catalog *catalog)
{
  return catalog->drawn.size == 0;
}

uint64_t sequence_position(const struct catalog *catalog)
{
  return catalog->drawn_position;
}

static int log_one(struct writer *writer, const struct relation *relation)
{
  struct counter *counter = &writer->catalog->trees[relation->tree].counter;
  int64_t last = counter->value;
  for (int i = 0; counter->is_ahead && i < SEQUENCE_AHEAD && advance(&relation->sequence, last, &last); i++)
    ;
  int status = put_row(writer, relation, last, counter->is_called);
  if (status)
    return status;
  counter->logged = last;
  counter->has_logged = counter->is_called;
  counter->is_upwards = relation->sequence.increment > 0;
  return STATUS_OK;
}

// Sequences whose definitions are among the changes: those that were drawn from have a row of their own to bring.
static int log_defined(struct writer *writer, size_t end)
{
  struct buffer oids = {0};
  struct change change;
  size_t at = 0;
  int status = STATUS_OK;
  while (at < end && change_next(writer->changes, &at, &change))
    if (change.tree == TREE_RELATIONS && change.has_new && change.key.size == 4)
      buffer_append_bytes(&oids, change.key);
  if (oids.failed)
    status = error_memory(writer->error);
  for (size_t i = 0; i + 4 <= oids.size && !status; i += 4) {
    const struct relation *relation;
    status = catalog_load(writer->catalog, writer->version, get_be32(oids.data + i), NULL, &relation, writer->error);
    if (!status && relation && relation->kind == RELATION_SEQUENCE && relation->tree < writer->catalog->tree_capacity &&
        writer->catalog->trees[relation->tree].counter.is_known)
      status = log_one(writer, relation);
  }
  buffer_deinit(&oids);
  return status;
}

int sequence_log(struct writer *writer, bool definitions)
{
  struct catalog *catalog = writer->catalog;
  size_t mark = change_mark(writer->changes);
  int status = STATUS_OK;
  for (size_t i = 0; i + 4 <= catalog->drawn.size && !status; i += 4) {
    tree_number tree = get_le32(catalog->drawn.data + i);
    const struct relation *relation;
    status = catalog_load(catalog, writer->version, catalog->trees[tree].oid, NULL, &relation, writer->error);
    if (!status && relation && relation->tree == tree)
      status = log_one(writer, relation);
  }
  if (!status && definitions)
    status = log_defined(writer, mark);
  return status;
}

void sequence_unlogged(struct catalog *catalog)
{
  for (size_t i = 0; i + 4 <= catalog->drawn.size; i += 4)
    catalog->trees[get_le32(catalog->drawn.data + i)].counter.has_logged = false;
}

void sequence_logged(struct catalog *catalog, uint64_t position)
{
  for (size_t i = 0; i + 4 <= catalog->drawn.size; i += 4)
    catalog->trees[get_le32(catalog->drawn.data + i)].counter.is_listed = false;
  buffer_clear(&catalog->drawn);
  if (position)
    catalog->drawn_position = position;
}

// Definitions as bytes.
//
// A row: format version (1 byte), stamp (8), and the fields in the order of encode_* below. Numbers are
// little-endian; a text is its size in 4 bytes (UINT32_MAX: NULL) and its bytes; lists begin with their count.
// A new field goes to the end under a new version, and the decoder keeps reading the old ones.
// Decoding trusts nothing: every count and size is held against the bytes that are there.
#include "table/definition.h"

#include "base/limits.h"
#include "base/sqlstate.h"
#include "table/change.h"

// Versions: 1 the first, 2 foreign keys, 3 sequences and identity columns, 4 expressions of indexes, generated
// columns, 5 types made by users.
enum { DEFINITION_VERSION = 5, NULL_TEXT = UINT32_MAX };
enum {
  COLUMN_NOT_NULL = 1,
  COLUMN_DROPPED = 2,
  COLUMN_IDENTITY_ALWAYS = 4,
  COLUMN_IDENTITY_DEFAULT = 8,
  COLUMN_GENERATED = 16,
  COLUMN_USER_TYPE = 32, // behind it stands the type's number
  COLUMN_DOMAIN = 64,    // then the domain's
};
enum { PART_DESCENDING = 1, PART_NULLS_FIRST = 2 };
enum {
  INDEX_UNIQUE = 1,
  INDEX_PRIMARY = 2,
  INDEX_CONSTRAINT = 4,
  INDEX_PRIMARY_APART = 8,
  INDEX_DEFERRABLE = 16,
  INDEX_DEFERRED = 32,
};
enum { COMPUTED_PARTIAL = 1, COMPUTED_NULLS_EQUAL = 2 };
enum { FOREIGN_FULL = 1, FOREIGN_DEFERRABLE = 2, FOREIGN_DEFERRED = 4, FOREIGN_NOT_VALID = 8 };

// --- Encoding -------------------------------------------------------------------------------------

static void encode_text(struct buffer *out, const char *text)
{
  buffer_append_le32(out, text ? (uint32_t)strlen(text) : (uint32_t)NULL_TEXT);
  if (text)
    buffer_append_string(out, text);
}

static void encode_parts(struct buffer *out, const struct key_part *parts, int count)
{
  buffer_append_le16(out, (uint16_t)count);
  for (int i = 0; i < count; i++) {
    buffer_append_le16(out, parts[i].column);
    buffer_append_u8(out, (uint8_t)((parts[i].descending ? PART_DESCENDING : 0) |
                                    (parts[i].nulls_first ? PART_NULLS_FIRST : 0)));
    buffer_append_le16(out, parts[i].collation);
  }
}

static void encode_columns(struct buffer *out, const struct schema *schema)
{
  buffer_append_le16(out, schema->version);
  buffer_append_le16(out, schema->column_count);
  for (int i = 0; i < schema->column_count; i++) {
    const struct column *column = &schema->columns[i];
    encode_text(out, column->name);
    buffer_append_u8(out, type_is_user(column->type.id) ? 0 : (uint8_t)column->type.id);
    buffer_append_le32(out, (uint32_t)column->type.modifier);
    buffer_append_u8(out, (uint8_t)((column->not_null ? COLUMN_NOT_NULL : 0) |
                                    (column->is_dropped ? COLUMN_DROPPED : 0) |
                                    (column->identity == IDENTITY_ALWAYS ? COLUMN_IDENTITY_ALWAYS : 0) |
                                    (column->identity == IDENTITY_BY_DEFAULT ? COLUMN_IDENTITY_DEFAULT : 0) |
                                    (column->is_generated ? COLUMN_GENERATED : 0) |
                                    (type_is_user(column->type.id) ? COLUMN_USER_TYPE : 0) |
                                    (column->domain ? COLUMN_DOMAIN : 0)));
    buffer_append_le16(out, column->collation);
    if (type_is_user(column->type.id))
      buffer_append_le32(out, (uint32_t)column->type.id);
    if (column->domain)
      buffer_append_le32(out, column->domain);
  }
}

static void encode_indexes(struct buffer *out, const struct relation *relation)
{
  buffer_append_le16(out, (uint16_t)relation->index_count);
  for (int i = 0; i < relation->index_count; i++) {
    const struct index *index = &relation->indexes[i];
    buffer_append_le32(out, index->oid);
    encode_text(out, index->name);
    buffer_append_le32(out, index->tree);
    buffer_append_u8(out, (uint8_t)((index->is_unique ? INDEX_UNIQUE : 0) | (index->is_primary ? INDEX_PRIMARY : 0) |
                                    (index->is_constraint ? INDEX_CONSTRAINT : 0) |
                                    (index->is_primary_apart ? INDEX_PRIMARY_APART : 0) |
                                    (index->is_deferrable ? INDEX_DEFERRABLE : 0) |
                                    (index->is_deferred ? INDEX_DEFERRED : 0)));
    encode_parts(out, index->parts, index->part_count);
  }
}

static void encode_column_numbers(struct buffer *out, const uint16_t *columns, int count)
{
  buffer_append_le16(out, (uint16_t)count);
  for (int i = 0; i < count; i++)
    buffer_append_le16(out, columns[i]);
}

static void encode_foreign_keys(struct buffer *out, const struct relation *relation)
{
  buffer_append_le16(out, (uint16_t)relation->foreign_key_count);
  for (int i = 0; i < relation->foreign_key_count; i++) {
    const struct foreign_key *key = &relation->foreign_keys[i];
    buffer_append_le32(out, key->oid);
    encode_text(out, key->name);
    buffer_append_le32(out, key->referenced_oid);
    buffer_append_le32(out, key->index_oid);
    buffer_append_u8(out, (uint8_t)((key->is_full ? FOREIGN_FULL : 0) | (key->is_deferrable ? FOREIGN_DEFERRABLE : 0) |
                                    (key->is_deferred ? FOREIGN_DEFERRED : 0) |
                                    (key->is_not_valid ? FOREIGN_NOT_VALID : 0)));
    buffer_append_u8(out, (uint8_t)key->on_delete);
    buffer_append_u8(out, (uint8_t)key->on_update);
    encode_column_numbers(out, key->columns, key->part_count);
    encode_column_numbers(out, key->referenced_columns, key->part_count);
    encode_column_numbers(out, key->delete_columns, key->delete_column_count);
  }
  buffer_append_le16(out, (uint16_t)relation->referencing_count);
  for (int i = 0; i < relation->referencing_count; i++)
    buffer_append_le32(out, relation->referencing[i]);
}

// What indexes have beside columns: the expressions, and then, index by index, the rest.
static void encode_expressions(struct buffer *out, const struct relation *relation)
{
  buffer_append_le16(out, (uint16_t)relation->expression_count);
  for (int i = 0; i < relation->expression_count; i++) {
    const struct column *column = &relation->schema.columns[relation->schema.column_count + i];
    encode_text(out, column->name);
    bool is_user = type_is_user(column->type.id); // it has no modifier: its number stands there
    buffer_append_u8(out, is_user ? 0 : (uint8_t)column->type.id);
    buffer_append_le32(out, is_user ? (uint32_t)column->type.id : (uint32_t)column->type.modifier);
    encode_text(out, relation->expressions[i].text);
    encode_text(out, relation->expressions[i].shown);
  }
  for (int i = 0; i < relation->index_count; i++) {
    const struct index *index = &relation->indexes[i];
    buffer_append_u8(out, (uint8_t)((index->is_partial ? COMPUTED_PARTIAL : 0) |
                                    (index->nulls_are_equal ? COMPUTED_NULLS_EQUAL : 0)));
    buffer_append_le16(out, index->predicate);
    encode_column_numbers(out, index->includes, index->include_count);
  }
  for (int i = 0; i < relation->schema.column_count; i++)
    if (relation->schema.columns[i].is_generated)
      encode_text(out, relation->defaults[i].shown);
  buffer_append_u8(out, (uint8_t)relation->on_commit);
  for (int i = 0; i < relation->check_count; i++)
    buffer_append_u8(out, relation->checks[i].is_not_valid);
}

static void encode_sequence(struct buffer *out, const struct sequence *sequence)
{
  buffer_append_u8(out, (uint8_t)sequence->type);
  buffer_append_le64(out, (uint64_t)sequence->start);
  buffer_append_le64(out, (uint64_t)sequence->increment);
  buffer_append_le64(out, (uint64_t)sequence->minimum);
  buffer_append_le64(out, (uint64_t)sequence->maximum);
  buffer_append_le64(out, (uint64_t)sequence->cache);
  buffer_append_u8(out, sequence->is_cycled);
  buffer_append_le32(out, sequence->owner);
  buffer_append_le16(out, sequence->owner_column);
}

static void encode_type(struct buffer *out, const struct relation *relation)
{
  buffer_append_u8(out, (uint8_t)relation->type_kind);
  buffer_append_le16(out, (uint16_t)relation->labels.count);
  for (int i = 0; i < relation->labels.count; i++) {
    buffer_append_le32(out, relation->labels.labels[i].oid);
    buffer_append_le32(out, relation->labels.labels[i].rank);
    encode_text(out, relation->labels.labels[i].name);
  }
}

int definition_encode(const struct relation *relation, struct buffer *out, struct error *error)
{
  size_t start = out->size;
  buffer_append_u8(out, DEFINITION_VERSION);
  buffer_append_le64(out, relation->stamp);
  buffer_append_le32(out, relation->oid);
  buffer_append_le32(out, relation->schema_oid);
  encode_text(out, relation->name);
  buffer_append_u8(out, (uint8_t)relation->kind);
  buffer_append_le32(out, relation->owner);
  encode_text(out, relation->acl);
  encode_columns(out, &relation->schema);
  buffer_append_le32(out, relation->tree);
  encode_parts(out, relation->key, relation->key_count);
  encode_indexes(out, relation);
  buffer_append_le16(out, (uint16_t)relation->check_count);
  for (int i = 0; i < relation->check_count; i++) {
    encode_text(out, relation->checks[i].name);
    encode_text(out, relation->checks[i].check.text);
  }
  for (int i = 0; i < relation->schema.column_count; i++)
    encode_text(out, relation->defaults ? relation->defaults[i].text : NULL);
  buffer_append_le16(out, (uint16_t)relation->option_count);
  for (int i = 0; i < relation->option_count; i++) {
    encode_text(out, relation->options[i].name);
    encode_text(out, relation->options[i].value);
  }
  encode_text(out, relation->text);
  encode_text(out, relation->state);
  buffer_append_le16(out, (uint16_t)relation->dependency_count);
  for (int i = 0; i < relation->dependency_count; i++)
    buffer_append_le32(out, relation->dependencies[i]);
  encode_foreign_keys(out, relation);
  encode_expressions(out, relation);
  if (relation->kind == RELATION_SEQUENCE)
    encode_sequence(out, &relation->sequence);
  if (relation->kind == RELATION_TYPE)
    encode_type(out, relation);
  if (out->failed)
    return error_memory(error);
  if (out->size - start > LIMIT_ROW)
    return error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "definition of \"%s\" is too large", relation->name);
  return STATUS_OK;
}

// --- Decoding -------------------------------------------------------------------------------------

struct decoder {
  struct bytes row;
  size_t at;
  struct arena *arena;
  bool is_malformed, is_out_of_memory;
};

static const uint8_t *take(struct decoder *decoder, size_t size)
{
  if (decoder->is_malformed || decoder->is_out_of_memory || size > decoder->row.size - decoder->at) {
    decoder->is_malformed = !decoder->is_out_of_memory;
    return NULL;
  }
  decoder->at += size;
  return decoder->row.data + decoder->at - size;
}

static uint8_t take_u8(struct decoder *decoder)
{
  const uint8_t *at = take(decoder, 1);
  return at ? *at : 0;
}

static uint16_t take_u16(struct decoder *decoder)
{
  const uint8_t *at = take(decoder, 2);
  return at ? get_le16(at) : 0;
}

static uint32_t take_u32(struct decoder *decoder)
{
  const uint8_t *at = take(decoder, 4);
  return at ? get_le32(at) : 0;
}

static uint64_t take_u64(struct decoder *decoder)
{
  const uint8_t *at = take(decoder, 8);
  return at ? get_le64(at) : 0;
}

static const char *take_text(struct decoder *decoder)
{
  uint32_t size = take_u32(decoder);
  if (size == (uint32_t)NULL_TEXT)
    return NULL;
  const uint8_t *at = take(decoder, size);
  if (!at)
    return NULL;
  if (memchr(at, 0, size)) {
    decoder->is_malformed = true;
    return NULL;
  }
  const char *text = arena_copy(decoder->arena, at, size);
  decoder->is_out_of_memory |= !text;
  return text;
}

static void take_name(struct decoder *decoder, char *name)
{
  uint32_t size = take_u32(decoder);
  const uint8_t *at = size <= LIMIT_IDENTIFIER ? take(decoder, size) : NULL;
  if (!at || memchr(at, 0, size)) {
    decoder->is_malformed |= !decoder->is_out_of_memory;
    return;
  }
  memcpy(name, at, size);
  name[size] = 0;
}

// Room for `count` items, each of which has at least `least` bytes in the row: so what is allocated is bounded by it.
static void *take_items(struct decoder *decoder, size_t count, size_t least, size_t item_size)
{
  if (count * least > decoder->row.size - decoder->at)
    decoder->is_malformed = true;
  if (decoder->is_malformed || decoder->is_out_of_memory || count == 0)
    return NULL;
  void *items = arena_alloc_zeroed(decoder->arena, count * item_size);
  decoder->is_out_of_memory |= !items;
  return items;
}

// Numbers of columns are held against the row's later: expressions come behind.
static struct key_part *take_parts(struct decoder *decoder, int *count)
{
  *count = take_u16(decoder);
  struct key_part *parts = take_items(decoder, (size_t)*count, 5, sizeof *parts);
  for (int i = 0; parts && i < *count; i++) {
    parts[i].column = take_u16(decoder);
    uint8_t flags = take_u8(decoder);
    parts[i].descending = flags & PART_DESCENDING;
    parts[i].nulls_first = flags & PART_NULLS_FIRST;
    parts[i].collation = take_u16(decoder);
  }
  return parts;
}

static void take_columns(struct decoder *decoder, struct relation *relation, struct error *error)
{
  uint16_t version = take_u16(decoder);
  int count = take_u16(decoder);
  if (count > LIMIT_COLUMNS || version > 0x7fff)
    decoder->is_malformed = true;
  struct column *columns = take_items(decoder, (size_t)count, 12, sizeof *columns);
  for (int i = 0; columns && i < count; i++) {
    take_name(decoder, columns[i].name);
    uint8_t type = take_u8(decoder);
    columns[i].type.id = type;
    columns[i].type.modifier = (int32_t)take_u32(decoder);
    uint8_t flags = take_u8(decoder);
    columns[i].not_null = flags & COLUMN_NOT_NULL;
    columns[i].is_dropped = flags & COLUMN_DROPPED;
    columns[i].identity = flags & COLUMN_IDENTITY_ALWAYS    ? IDENTITY_ALWAYS
                          : flags & COLUMN_IDENTITY_DEFAULT ? IDENTITY_BY_DEFAULT
                                                            : IDENTITY_NOT;
    columns[i].is_generated = flags & COLUMN_GENERATED;
    relation->has_generated |= columns[i].is_generated;
    columns[i].collation = take_u16(decoder);
    if (flags & COLUMN_USER_TYPE)
      columns[i].type.id = type_of_oid(take_u32(decoder));
    if (flags & COLUMN_DOMAIN)
      columns[i].domain = take_u32(decoder);
    relation->has_domains |= columns[i].domain && !columns[i].is_dropped;
    bool is_known = flags & COLUMN_USER_TYPE ? type_is_user(columns[i].type.id) : type != TYPE_UNKNOWN && type < TYPE_COUNT;
    decoder->is_malformed |= !is_known && !decoder->is_out_of_memory;
  }
  if (decoder->is_malformed || decoder->is_out_of_memory)
    return;
  if (schema_init(&relation->schema, version, columns, count, decoder->arena, error))
    decoder->is_out_of_memory = true; // its only failure: the count was looked at
}

static void take_indexes(struct decoder *decoder, struct relation *relation)
{
  relation->index_count = take_u16(decoder);
  relation->indexes = take_items(decoder, (size_t)relation->index_count, 15, sizeof *relation->indexes);
  for (int i = 0; relation->indexes && i < relation->index_count; i++) {
    struct index *index = &relation->indexes[i];
    index->oid = take_u32(decoder);
    take_name(decoder, index->name);
    index->tree = take_u32(decoder);
    uint8_t flags = take_u8(decoder);
    index->is_unique = flags & INDEX_UNIQUE;
    index->is_primary = flags & INDEX_PRIMARY;
    index->is_constraint = flags & INDEX_CONSTRAINT;
    index->is_primary_apart = flags & INDEX_PRIMARY_APART;
    index->is_deferrable = flags & INDEX_DEFERRABLE;
    index->is_deferred = flags & INDEX_DEFERRED;
    index->parts = take_parts(decoder, &index->part_count);
    relation->has_secondary |= !index->is_primary;
    relation->is_checked_late |= index->is_deferrable;
    if (index->tree >= TREE_NUMBER_LIMIT)
      decoder->is_malformed = true;
  }
}

static void take_expressions(struct decoder *decoder, struct relation *relation)
{
  relation->check_count = take_u16(decoder);
  relation->checks = take_items(decoder, (size_t)relation->check_count, 8, sizeof *relation->checks);
  for (int i = 0; relation->checks && i < relation->check_count; i++) {
    take_name(decoder, relation->checks[i].name);
    relation->checks[i].check.text = take_text(decoder);
  }
  int columns = relation->schema.column_count;
  relation->defaults = take_items(decoder, (size_t)columns, 4, sizeof *relation->defaults);
  for (int i = 0; relation->defaults && i < columns; i++)
    relation->defaults[i].text = take_text(decoder);
}

static void take_options(struct decoder *decoder, struct relation *relation)
{
  relation->option_count = take_u16(decoder);
  relation->options = take_items(decoder, (size_t)relation->option_count, 8, sizeof *relation->options);
  for (int i = 0; relation->options && i < relation->option_count; i++) {
    relation->options[i].name = take_text(decoder);
    relation->options[i].value = take_text(decoder);
    if (!relation->options[i].name || !relation->options[i].value)
      decoder->is_malformed |= !decoder->is_out_of_memory;
  }
  relation->text = take_text(decoder);
  relation->state = take_text(decoder);
  relation->dependency_count = take_u16(decoder);
  relation->dependencies = take_items(decoder, (size_t)relation->dependency_count, 4, sizeof *relation->dependencies);
  for (int i = 0; relation->dependencies && i < relation->dependency_count; i++)
    relation->dependencies[i] = take_u32(decoder);
}

static uint16_t *take_column_numbers(struct decoder *decoder, int *count, int limit)
{
  *count = take_u16(decoder);
  uint16_t *columns = take_items(decoder, (size_t)*count, 2, sizeof *columns);
  for (int i = 0; columns && i < *count; i++) {
    columns[i] = take_u16(decoder);
    if (columns[i] >= limit)
      decoder->is_malformed = true;
  }
  return columns;
}

static bool action_is_known(enum foreign_action action)
{
  return action && strchr("arcnd", (int)action);
}

static void take_foreign_keys(struct decoder *decoder, struct relation *relation)
{
  relation->foreign_key_count = take_u16(decoder);
  relation->foreign_keys = take_items(decoder, (size_t)relation->foreign_key_count, 25, sizeof *relation->foreign_keys);
  for (int i = 0; relation->foreign_keys && i < relation->foreign_key_count; i++) {
    struct foreign_key *key = &relation->foreign_keys[i];
    int columns = relation->schema.column_count, referenced_count;
    key->oid = take_u32(decoder);
    take_name(decoder, key->name);
    key->referenced_oid = take_u32(decoder);
    key->index_oid = take_u32(decoder);
    uint8_t flags = take_u8(decoder);
    key->is_full = flags & FOREIGN_FULL;
    key->is_deferrable = flags & FOREIGN_DEFERRABLE;
    key->is_deferred = flags & FOREIGN_DEFERRED;
    key->is_not_valid = flags & FOREIGN_NOT_VALID;
    key->on_delete = take_u8(decoder);
    key->on_update = take_u8(decoder);
    key->columns = take_column_numbers(decoder, &key->part_count, columns);
    key->referenced_columns = take_column_numbers(decoder, &referenced_count, LIMIT_COLUMNS);
    key->delete_columns = take_column_numbers(decoder, &key->delete_column_count, columns);
    if (referenced_count != key->part_count || key->part_count == 0 || !action_is_known(key->on_delete) ||
        !action_is_known(key->on_update))
      decoder->is_malformed |= !decoder->is_out_of_memory;
  }
  relation->referencing_count = take_u16(decoder);
  relation->referencing = take_items(decoder, (size_t)relation->referencing_count, 4, sizeof *relation->referencing);
  for (int i = 0; relation->referencing && i < relation->referencing_count; i++)
    relation->referencing[i] = take_u32(decoder);
  relation->is_checked_late |= relation->foreign_key_count || relation->referencing_count;
}

// The columns of the schema are there already; the expressions take their places behind them.
static void take_computed(struct decoder *decoder, struct relation *relation)
{
  struct schema *schema = &relation->schema;
  int count = take_u16(decoder);
  relation->expressions = take_items(decoder, (size_t)count, 17, sizeof *relation->expressions);
  if (!relation->expressions && count)
    return;
  struct column *columns = arena_alloc_zeroed(decoder->arena, sizeof *columns * (size_t)(schema->column_count + count + 1));
  if (!columns) {
    decoder->is_out_of_memory = true;
    return;
  }
  if (schema->column_count)
    memcpy(columns, schema->columns, sizeof *columns * schema->column_count);
  schema->columns = columns;
  relation->expression_count = count;
  for (int i = 0; i < count; i++) {
    struct column *column = &columns[schema->column_count + i];
    take_name(decoder, column->name);
    uint8_t type = take_u8(decoder);
    uint32_t modifier = take_u32(decoder);
    column->type = type ? (struct type){.id = type, .modifier = (int32_t)modifier} : type_plain(type_of_oid(modifier));
    relation->expressions[i].text = take_text(decoder);
    relation->expressions[i].shown = take_text(decoder);
    if (!(type ? type < TYPE_COUNT : type_is_user(column->type.id)) || !relation->expressions[i].text || !relation->expressions[i].shown)
      decoder->is_malformed |= !decoder->is_out_of_memory;
  }
  for (int i = 0; relation->indexes && i < relation->index_count; i++) {
    struct index *index = &relation->indexes[i];
    uint8_t flags = take_u8(decoder);
    index->is_partial = index->is_computed = flags & COMPUTED_PARTIAL;
    index->nulls_are_equal = flags & COMPUTED_NULLS_EQUAL;
    index->predicate = take_u16(decoder);
    index->includes = take_column_numbers(decoder, &index->include_count, schema->column_count);
  }
  for (int i = 0; relation->defaults && i < schema->column_count; i++)
    if (columns[i].is_generated) {
      relation->defaults[i].shown = take_text(decoder);
      decoder->is_malformed |= !decoder->is_out_of_memory && (!relation->defaults[i].text || !relation->defaults[i].shown);
    }
  uint8_t on_commit = take_u8(decoder);
  relation->on_commit = on_commit;
  decoder->is_malformed |= on_commit > ON_COMMIT_DROP;
  for (int i = 0; relation->checks && i < relation->check_count; i++)
    relation->checks[i].is_not_valid = take_u8(decoder) != 0;
}

// Every part of a key is a column that is there; those of the primary key, and of its index, are no expressions.
static bool parts_are_sound(struct relation *relation)
{
  int columns = relation->schema.column_count;
  bool are_sound = true;
  for (int i = 0; i < relation->key_count; i++)
    are_sound &= relation->key[i].column < columns;
  for (int i = 0; i < relation->index_count; i++) {
    struct index *index = &relation->indexes[i];
    for (int p = 0; p < index->part_count; p++) {
      are_sound &= index->parts[p].column < (index_is_primary_key(index) ? columns : relation_width(relation));
      index->is_computed |= relation_is_expression(relation, index->parts[p].column);
    }
    if (index->is_partial)
      are_sound &= relation_is_expression(relation, index->predicate) && index->predicate < relation_width(relation);
    are_sound &= !index->is_computed || !(index->is_primary || index->is_constraint);
  }
  return are_sound;
}

static void take_sequence(struct decoder *decoder, struct sequence *sequence)
{
  uint8_t type = take_u8(decoder);
  sequence->type = type;
  sequence->start = (int64_t)take_u64(decoder);
  sequence->increment = (int64_t)take_u64(decoder);
  sequence->minimum = (int64_t)take_u64(decoder);
  sequence->maximum = (int64_t)take_u64(decoder);
  sequence->cache = (int64_t)take_u64(decoder);
  sequence->is_cycled = take_u8(decoder);
  sequence->owner = take_u32(decoder);
  sequence->owner_column = take_u16(decoder);
  if ((type != TYPE_INT2 && type != TYPE_INT4 && type != TYPE_INT8) || sequence->increment == 0)
    decoder->is_malformed |= !decoder->is_out_of_memory;
}

// The labels stand in the order of their ranks.
static void take_type(struct decoder *decoder, struct relation *relation)
{
  uint8_t kind = take_u8(decoder);
  relation->type_kind = kind;
  relation->labels.count = take_u16(decoder);
  relation->labels.labels = take_items(decoder, (size_t)relation->labels.count, 12, sizeof *relation->labels.labels);
  for (int i = 0; relation->labels.labels && i < relation->labels.count; i++) {
    struct enum_label *label = &relation->labels.labels[i];
    label->oid = take_u32(decoder);
    label->rank = take_u32(decoder);
    label->name = take_text(decoder);
    if (!label->name || strlen(label->name) > LIMIT_IDENTIFIER || (i && label->rank <= label[-1].rank))
      decoder->is_malformed |= !decoder->is_out_of_memory;
  }
  bool is_sound = kind == TYPE_IS_DOMAIN      ? relation->schema.column_count == 1 && !relation->labels.count
                  : kind == TYPE_IS_COMPOSITE ? !relation->labels.count
                                              : kind == TYPE_IS_ENUM && !relation->schema.column_count;
  decoder->is_malformed |= !is_sound && !decoder->is_out_of_memory;
}

static void note_row(struct decoder *decoder, struct relation *relation)
{
  const struct schema *schema = &relation->schema;
  struct row_column *columns = ARENA_ARRAY(decoder->arena, struct row_column, schema->column_count + 1);
  decoder->is_out_of_memory |= !columns;
  for (int i = 0; columns && schema->columns && i < schema->column_count; i++)
    if (!schema->columns[i].is_dropped)
      columns[relation->row.count++] = (struct row_column){schema->columns[i].name, schema->columns[i].type};
  relation->row.columns = columns;
}

static bool kind_is_known(uint8_t kind)
{
  return kind != 0 && memchr("rivSfwkT", kind, 8) != NULL;
}

int definition_decode(struct bytes row, struct arena *arena, struct relation *relation, struct error *error)
{
  struct decoder decoder = {.row = row, .arena = arena};
  uint8_t version = take_u8(&decoder);
  if (row.size > 0 && (version == 0 || version > DEFINITION_VERSION))
    return error_set(error, SQLSTATE_DATA_CORRUPTED, "a definition has format version %d, not %d", version,
                     DEFINITION_VERSION);
  relation->stamp = take_u64(&decoder);
  relation->oid = take_u32(&decoder);
  relation->schema_oid = take_u32(&decoder);
  take_name(&decoder, relation->name);
  uint8_t kind = take_u8(&decoder);
  relation->kind = kind;
  relation->owner = take_u32(&decoder);
  relation->acl = take_text(&decoder);
  take_columns(&decoder, relation, error);
  relation->tree = take_u32(&decoder);
  relation->key = take_parts(&decoder, &relation->key_count);
  take_indexes(&decoder, relation);
  take_expressions(&decoder, relation);
  take_options(&decoder, relation);
  if (version >= 2)
    take_foreign_keys(&decoder, relation);
  if (version >= 4)
    take_computed(&decoder, relation);
  if (kind == RELATION_SEQUENCE)
    take_sequence(&decoder, &relation->sequence);
  if (kind == RELATION_TYPE)
    take_type(&decoder, relation);
  note_row(&decoder, relation);
  if (decoder.is_out_of_memory)
    return error_memory(error);
  if (decoder.is_malformed || decoder.at != row.size || !kind_is_known(kind) || relation->tree >= TREE_NUMBER_LIMIT ||
      !parts_are_sound(relation))
    return error_set(error, SQLSTATE_DATA_CORRUPTED, "malformed definition in the catalog");
  return STATUS_OK;
}

bool definition_stamp(struct bytes row, uint64_t *stamp)
{
  if (row.size < 9)
    return false;
  *stamp = get_le64(row.data + 1);
  return true;
}

// The layout of rows: made, written, read and checked.
//
// 1. A row has one form only: the same values of one schema have the same bytes. (NULL columns are zeros or
//    of no length; the 4-byte offsets are used only where 2 bytes do not suffice.)
// 2. row_is_valid trusts nothing; everything else trusts that a row was made by row_encode or is valid.
#include "data/schema.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/sqlstate.h"
#include "data/array.h"
#include "data/binary.h"
#include "data/bits.h"
#include "data/datetime.h"
#include "data/enum.h"
#include "data/interval.h"
#include "data/jsonb.h"
#include "data/jsonpath.h"
#include "data/numeric.h"
#include "data/record.h"
#include "data/utf8.h"

enum { ROW_HEADER = 2, WIDE_ROW = 0x8000 };

static enum row_kind kind_of(enum type_id type)
{
  const struct type_info *info = type_info(type);
  if (info->storage == STORAGE_BYTES)
    return ROW_BYTES;
  if (info->storage == STORAGE_FLOAT)
    return info->row_size == 4 ? ROW_FLOAT4 : ROW_FLOAT8;
  switch (info->row_size) {
  case 1: return ROW_INT1;
  case 2: return ROW_INT2;
  case 4: return type == TYPE_OID ? ROW_UINT4 : ROW_INT4;
  default: return ROW_INT8;
  }
}

int schema_init(struct schema *schema, uint16_t version, struct column *columns, int column_count,
                struct arena *arena, struct error *error)
{
  CHECK(version < WIDE_ROW && column_count >= 0);
  if (column_count > LIMIT_COLUMNS)
    return error_set(error, SQLSTATE_TOO_MANY_COLUMNS, "tables can have at most %d columns", LIMIT_COLUMNS);
  uint32_t *places = ARENA_ARRAY(arena, uint32_t, column_count + 1);
  uint8_t *kinds = ARENA_ARRAY(arena, uint8_t, column_count + 1);
  uint16_t *others = ARENA_ARRAY(arena, uint16_t, column_count + 1);
  if (!places || !kinds || !others)
    return error_memory(error);
  *schema = (struct schema){
    .version = version,
    .column_count = (uint16_t)column_count,
    .columns = columns,
    .places = places,
    .kinds = kinds,
    .others = others,
    .bitmap_size = (uint16_t)((column_count + 7) / 8),
  };
  uint32_t at = ROW_HEADER + schema->bitmap_size;
  for (int i = 0; i < column_count; i++) {
    kinds[i] = (uint8_t)kind_of(columns[i].type.id);
    if (kinds[i] == ROW_BYTES) {
      others[schema->other_count] = (uint16_t)i;
      places[i] = schema->other_count++;
    } else {
      places[i] = at;
      at += type_info(columns[i].type.id)->row_size;
    }
  }
  schema->fixed_end = at;
  return 0;
}

// Writes the fixed columns and the bitmap of NULLs.
static void encode_fixed(const struct schema *schema, const struct value *values, uint8_t *row)
{
  uint8_t *bitmap = row + ROW_HEADER;
  for (size_t i = 0; i < schema->bitmap_size; i++)
    bitmap[i] = 0;
  int count = schema->column_count;
  for (int i = 0; i < count; i++) {
    bool is_null = values[i].is_null;
    bitmap[i / 8] |= (uint8_t)(is_null << (i % 8));
    uint64_t bits = is_null ? 0 : (uint64_t)values[i].integer; // of a float, too
    uint8_t *at = row + schema->places[i];
    switch ((enum row_kind)schema->kinds[i]) {
    case ROW_INT1: *at = (uint8_t)bits; break;
    case ROW_INT2: put_le16(at, (uint16_t)bits); break;
    case ROW_INT4:
    case ROW_UINT4: put_le32(at, (uint32_t)bits); break;
    case ROW_FLOAT4: {
      float v = is_null ? 0 : (float)values[i].float8;
      memcpy(at, &v, sizeof v);
      break;
    }
    case ROW_INT8:
    case ROW_FLOAT8: put_le64(at, bits); break;
    case ROW_BYTES: break;
    }
  }
}

// Writes the others: their end offsets, and behind those their bytes.
static void encode_others(const struct schema *schema, const struct value *values, bool is_wide, uint8_t *row)
{
  uint8_t *offset = row + schema->fixed_end;
  uint8_t *first = offset + (size_t)schema->other_count * (is_wide ? 4 : 2);
  uint32_t end = 0;
  for (int i = 0; i < schema->other_count; i++) {
    const struct value *value = &values[schema->others[i]];
    if (!value->is_null && value->size) {
      memcpy(first + end, value->data, value->size);
      end += value->size;
    }
    if (is_wide)
      put_le32(offset, end);
    else
      put_le16(offset, (uint16_t)end);
    offset += is_wide ? 4 : 2;
  }
}

int row_encode(const struct schema *schema, const struct value *values, struct buffer *out, struct error *error)
{
  size_t bytes = 0;
  for (int i = 0; i < schema->other_count; i++) {
    const struct value *value = &values[schema->others[i]];
    bytes += value->is_null ? 0 : value->size;
  }
  bool is_wide = bytes > UINT16_MAX;
  size_t size = schema->fixed_end + (size_t)schema->other_count * (is_wide ? 4 : 2) + bytes;
  if (size > LIMIT_ROW)
    return error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "row is too big: size %zu, maximum size %d", size,
                     LIMIT_ROW);
  uint8_t *row = buffer_extend(out, size);
  if (!row)
    return error_memory(error);
  put_le16(row, (uint16_t)(schema->version | (is_wide ? WIDE_ROW : 0)));
  encode_fixed(schema, values, row);
  encode_others(schema, values, is_wide, row);
  return 0;
}

void row_get_all(const struct schema *schema, struct bytes row, struct value *values)
{
  for (int i = 0; i < schema->column_count; i++)
    row_get(schema, row, i, &values[i]);
}

static bool is_zeros(const uint8_t *at, size_t size)
{
  for (size_t i = 0; i < size; i++)
    if (at[i])
      return false;
  return true;
}

static bool fixed_is_valid(const struct schema *schema, struct bytes row, int column, bool is_null)
{
  enum type_id type = schema->columns[column].type.id;
  const uint8_t *at = row.data + schema->places[column];
  if (is_null)
    return is_zeros(at, type_info(type)->row_size);
  switch (type) {
  case TYPE_BOOLEAN: return *at <= 1;
  case TYPE_DATE: return date_is_valid((int32_t)get_le32(at));
  case TYPE_TIME: return time_is_valid((int64_t)get_le64(at));
  default: return true;
  }
}

static bool zoned_bytes_are_valid(struct bytes bytes)
{
  struct value value = value_bytes(bytes.data, (uint32_t)bytes.size);
  if (bytes.size != ZONED_TIME_SIZE)
    return false;
  struct zoned_time time = zoned_time_of(&value);
  return zoned_time_is_valid(&time);
}

static bool bytes_are_valid(enum type_id type, struct bytes bytes);

static bool element_is_valid(enum type_id type, const struct value *element)
{
  if (element->is_null)
    return true;
  switch (type) {
  case TYPE_BOOLEAN: return element->integer <= 1;
  case TYPE_DATE: return date_is_valid(element->integer);
  case TYPE_TIME: return time_is_valid(element->integer);
  default:
    return type_info(type)->storage != STORAGE_BYTES || bytes_are_valid(type, bytes_of(element->data, element->size));
  }
}

static bool record_is_valid(struct bytes bytes)
{
  if (!record_is_sound(bytes))
    return false;
  struct value value = value_bytes(bytes.data, (uint32_t)bytes.size);
  struct record_walk walk = {.record = &value};
  struct record_column column;
  while (record_next(&walk, &column))
    if (!element_is_valid(column.type, &column.value))
      return false;
  return true;
}

static bool array_is_valid(enum type_id type, struct bytes bytes)
{
  if (!array_is_sound(type, bytes))
    return false;
  struct value value = value_bytes(bytes.data, (uint32_t)bytes.size), element;
  struct array array = array_of(type, &value);
  for (struct array_walk walk = array_walk(&array); array_next(&walk, &element);)
    if (!element_is_valid(array.element, &element))
      return false;
  return true;
}

static bool bytes_are_valid(enum type_id type, struct bytes bytes)
{
  switch (type) {
  case TYPE_NUMERIC: return numeric_is_valid(bytes);
  case TYPE_JSONPATH: return jsonpath_is_valid(bytes);
  case TYPE_JSON: return utf8_is_valid(bytes) && json_parse(bytes, NULL, NULL, NULL) == STATUS_OK;
  case TYPE_JSONB: return jsonb_is_valid(bytes);
  case TYPE_BYTEA: return true;
  case TYPE_BIT:
  case TYPE_VARBIT: return bits_are_valid(bytes);
  case TYPE_UUID: return bytes.size == UUID_SIZE;
  case TYPE_INTERVAL: return bytes.size == INTERVAL_SIZE;
  case TYPE_TIMETZ: return zoned_bytes_are_valid(bytes);
  default:
    if (type_is_array(type))
      return array_is_valid(type, bytes);
    if (type_is_composite(type))
      return record_is_valid(bytes);
    return type_is_enum(type) ? enum_is_valid(bytes) : utf8_is_valid(bytes);
  }
}

bool row_is_valid(const struct schema *schema, struct bytes row)
{
  if (row.size < schema->fixed_end || row.size > LIMIT_ROW || row_version(row) != schema->version)
    return false;
  bool is_wide = get_le16(row.data) & WIDE_ROW;
  size_t width = is_wide ? 4 : 2;
  size_t first = schema->fixed_end + width * schema->other_count;
  if (row.size < first || (row.size - first > UINT16_MAX) != is_wide)
    return false;
  if (schema->column_count % 8 && row.data[ROW_HEADER + schema->bitmap_size - 1] >> (schema->column_count % 8))
    return false;
  size_t start = 0;
  for (int i = 0; i < schema->column_count; i++) {
    bool is_null = row.data[ROW_HEADER + i / 8] >> (i % 8) & 1;
    if (schema->kinds[i] != ROW_BYTES) {
      if (!fixed_is_valid(schema, row, i, is_null))
        return false;
      continue;
    }
    const uint8_t *at = row.data + schema->fixed_end + width * schema->places[i];
    size_t end = is_wide ? get_le32(at) : get_le16(at);
    if (end < start || end > row.size - first || (is_null && end != start))
      return false;
    if (!is_null && !bytes_are_valid(schema->columns[i].type.id, bytes_of(row.data + first + start, end - start)))
      return false;
    start = end;
  }
  return first + start == row.size;
}

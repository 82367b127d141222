// Bit strings: comparison, logic, pieces, casts.
#include "data/bits.h"

#include "expr/tables.h"

COMPARISONS(bits, BY_TYPE(TYPE_VARBIT))

#define NEW(count) bits_new(count, evaluation->arena, result)

// ---- casts ----

TO_TEXT(bits, TYPE_VARBIT)
FROM_TEXT(bit, TYPE_BIT)
FROM_TEXT(varbit, TYPE_VARBIT)
MODIFIER(bit, TYPE_BIT, arguments[2].integer)
MODIFIER(varbit, TYPE_VARBIT, arguments[2].integer)

// The last bits of the number, as many as asked for; its sign fills up what is before it.
static int from_integer(struct evaluation *evaluation, int64_t number, int64_t wanted, struct value *result)
{
  uint32_t count = wanted < 1 ? 1 : (uint32_t)wanted;
  uint8_t *data = NEW(count);
  if (!data)
    return error_memory(evaluation->error);
  for (uint32_t i = 0; i < count; i++) {
    uint32_t place = count - 1 - i;
    bits_set(data, i, place > 62 ? number < 0 : number >> place & 1);
  }
  return STATUS_OK;
}

static int bit_from_integer(CALL)
{
  return from_integer(evaluation, arguments[0].integer, arguments[1].integer, result);
}

static int to_integer(struct evaluation *evaluation, const struct value *value, uint32_t width, const char *name,
                      struct value *result)
{
  uint32_t count = bits_count(value);
  uint64_t number = 0;
  if (count > width)
    return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "%s out of range", name);
  for (uint32_t i = 0; i < count; i++)
    number = number << 1 | bits_get(value, i);
  *result = value_integer(width == 32 ? (int32_t)(uint32_t)number : (int64_t)number);
  return STATUS_OK;
}

static int int4_from_bit(CALL) { return to_integer(evaluation, &arguments[0], 32, "integer", result); }
static int int8_from_bit(CALL) { return to_integer(evaluation, &arguments[0], 64, "bigint", result); }

const struct function bit_from_integer_function = {"bit", 0, BIT, 2, {INT8, INT4}, bit_from_integer, FUNCTION_PURE,
                                                   false, false, false};

const struct function bits_cast_functions[] = {
    PURE("bit", bit_from_text, BIT, 1, TEXT),
    PURE("varbit", varbit_from_text, VARBIT, 1, TEXT),
    PURE("text", text_from_bits, TEXT, 1, BIT),
    PURE("text", text_from_bits, TEXT, 1, VARBIT),
    PURE("int4", int4_from_bit, INT4, 1, BIT),
    PURE("int8", int8_from_bit, INT8, 1, BIT),
    PURE("bit", bit_modifier, BIT, 3, BIT, INT4, BOOLEAN),
    PURE("varbit", varbit_modifier, VARBIT, 3, VARBIT, INT4, BOOLEAN),
    {0},
};

// ---- logic ----

static int combine(struct evaluation *evaluation, const struct value *arguments, char operation, struct value *result)
{
  const struct value *a = &arguments[0], *b = &arguments[1];
  uint32_t count = bits_count(a);
  if (count != bits_count(b))
    return error_set(evaluation->error, SQLSTATE_STRING_DATA_LENGTH_MISMATCH, "cannot %s bit strings of different sizes",
                     operation == '&' ? "AND" : operation == '|' ? "OR" : "XOR");
  uint8_t *data = NEW(count);
  if (!data)
    return error_memory(evaluation->error);
  for (uint32_t i = 0; i + 1 < a->size; i++)
    data[i] = (uint8_t)(operation == '&'   ? a->data[i] & b->data[i]
                        : operation == '|' ? a->data[i] | b->data[i]
                                           : a->data[i] ^ b->data[i]);
  return STATUS_OK;
}

static int bits_and(CALL) { return combine(evaluation, arguments, '&', result); }
static int bits_or(CALL) { return combine(evaluation, arguments, '|', result); }
static int bits_xor(CALL) { return combine(evaluation, arguments, '#', result); }

static int bits_not(CALL)
{
  uint32_t count = bits_count(&arguments[0]);
  uint8_t *data = NEW(count);
  if (!data)
    return error_memory(evaluation->error);
  for (uint32_t i = 0; i < count; i++)
    bits_set(data, i, !bits_get(&arguments[0], i));
  return STATUS_OK;
}

// Its length stays; zeros come in. left: by how many places, negative to the right.
static int shift(struct evaluation *evaluation, const struct value *value, int64_t left, struct value *result)
{
  int64_t count = bits_count(value);
  uint8_t *data = NEW((uint32_t)count);
  if (!data)
    return error_memory(evaluation->error);
  for (int64_t i = 0; i < count; i++)
    if (i + left >= 0 && i + left < count)
      bits_set(data, (uint32_t)i, bits_get(value, (uint32_t)(i + left)));
  return STATUS_OK;
}

static int shift_left(CALL) { return shift(evaluation, &arguments[0], arguments[1].integer, result); }
static int shift_right(CALL) { return shift(evaluation, &arguments[0], -arguments[1].integer, result); }

// ---- pieces ----

static int append(struct evaluation *evaluation, const struct value *parts, int part_count, struct value *result)
{
  uint64_t total = 0;
  uint32_t at = 0;
  for (int p = 0; p < part_count; p++)
    total += bits_count(&parts[p]);
  if (total > LIMIT_BITS)
    return error_set(evaluation->error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                     "bit string length exceeds the maximum allowed (%u)", LIMIT_BITS);
  uint8_t *data = NEW((uint32_t)total);
  if (!data)
    return error_memory(evaluation->error);
  for (int p = 0; p < part_count; p++)
    for (uint32_t i = 0; i < bits_count(&parts[p]); i++)
      bits_set(data, at++, bits_get(&parts[p], i));
  return STATUS_OK;
}

static int concatenate(CALL) { return append(evaluation, arguments, 2, result); }

// From place `start`, counted from 1, to before `end`, as far as there are bits.
static int piece(struct evaluation *evaluation, const struct value *value, int64_t start, int64_t end, struct value *result)
{
  int64_t count = bits_count(value);
  start = start < 1 ? 1 : start;
  end = end > count + 1 ? count + 1 : end;
  uint8_t *data = NEW(end > start ? (uint32_t)(end - start) : 0);
  if (!data)
    return error_memory(evaluation->error);
  for (int64_t i = start; i < end; i++)
    bits_set(data, (uint32_t)(i - start), bits_get(value, (uint32_t)(i - 1)));
  return STATUS_OK;
}

static int substring_from(CALL)
{
  return piece(evaluation, &arguments[0], arguments[1].integer, INT64_MAX, result);
}

static int negative_length(struct evaluation *evaluation)
{
  return error_set(evaluation->error, SQLSTATE_SUBSTRING_ERROR, "negative substring length not allowed");
}

static int substring_of(CALL)
{
  if (arguments[2].integer < 0)
    return negative_length(evaluation);
  return piece(evaluation, &arguments[0], arguments[1].integer, arguments[1].integer + arguments[2].integer, result);
}

static int put_over(struct evaluation *evaluation, const struct value *arguments, int64_t start, int64_t length,
                    struct value *result)
{
  struct value parts[3] = {[1] = arguments[1]};
  if (start <= 0 || length < 0)
    return negative_length(evaluation);
  int status = piece(evaluation, &arguments[0], 1, start, &parts[0]);
  if (!status)
    status = piece(evaluation, &arguments[0], start + length, INT64_MAX, &parts[2]);
  return status ? status : append(evaluation, parts, 3, result);
}

static int overlay(CALL)
{
  return put_over(evaluation, arguments, arguments[2].integer, bits_count(&arguments[1]), result);
}

static int overlay_length(CALL)
{
  return put_over(evaluation, arguments, arguments[2].integer, arguments[3].integer, result);
}

static bool is_at(const struct value *text, const struct value *wanted, uint32_t at)
{
  for (uint32_t i = 0; i < bits_count(wanted); i++)
    if (bits_get(text, at + i) != bits_get(wanted, i))
      return false;
  return true;
}

static int position(CALL)
{
  uint32_t count = bits_count(&arguments[0]), wanted = bits_count(&arguments[1]);
  *result = value_integer(0);
  for (uint32_t at = 0; count && at + wanted <= count; at++)
    if (is_at(&arguments[0], &arguments[1], at)) {
      *result = value_integer((int64_t)at + 1);
      break;
    }
  return STATUS_OK;
}

static int length(CALL)
{
  *result = value_integer(bits_count(&arguments[0]));
  return STATUS_OK;
}

static int octet_length(CALL)
{
  *result = value_integer(arguments[0].size - 1);
  return STATUS_OK;
}

static int bit_count(CALL)
{
  int64_t count = 0;
  for (uint32_t i = 0; i + 1 < arguments[0].size; i++)
    count += __builtin_popcount(arguments[0].data[i]);
  *result = value_integer(count);
  return STATUS_OK;
}

static int check_place(struct evaluation *evaluation, const struct value *value, int64_t place)
{
  int64_t count = bits_count(value);
  return place >= 0 && place < count
             ? STATUS_OK
             : error_set(evaluation->error, SQLSTATE_ARRAY_SUBSCRIPT_ERROR, "bit index %d out of valid range (0..%d)",
                         (int)place, (int)count - 1);
}

static int get_bit(CALL)
{
  int status = check_place(evaluation, &arguments[0], arguments[1].integer);
  if (!status)
    *result = value_integer(bits_get(&arguments[0], (uint32_t)arguments[1].integer));
  return status;
}

static int set_bit(CALL)
{
  int status = check_place(evaluation, &arguments[0], arguments[1].integer);
  if (status)
    return status;
  if (arguments[2].integer != 0 && arguments[2].integer != 1)
    return error_set(evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "new bit must be 0 or 1");
  uint8_t *data = arena_copy(evaluation->arena, arguments[0].data, arguments[0].size);
  if (!data)
    return error_memory(evaluation->error);
  bits_set(data, (uint32_t)arguments[1].integer, arguments[2].integer);
  *result = value_bytes(data, arguments[0].size);
  return STATUS_OK;
}

const struct function bits_functions[] = {
    COMPARISON_ROWS(bits, BIT, BIT),
    COMPARISON_ROWS(bits, VARBIT, VARBIT),
    OPERATOR("&", bits_and, BIT, 2, BIT, BIT),
    OPERATOR("|", bits_or, BIT, 2, BIT, BIT),
    OPERATOR("#", bits_xor, BIT, 2, BIT, BIT),
    OPERATOR("~", bits_not, BIT, 1, BIT),
    OPERATOR("<<", shift_left, BIT, 2, BIT, INT4),
    OPERATOR(">>", shift_right, BIT, 2, BIT, INT4),
    OPERATOR("||", concatenate, VARBIT, 2, VARBIT, VARBIT),
    PURE("substring", substring_from, BIT, 2, BIT, INT4),
    PURE("substring", substring_of, BIT, 3, BIT, INT4, INT4),
    PURE("overlay", overlay, BIT, 3, BIT, BIT, INT4),
    PURE("overlay", overlay_length, BIT, 4, BIT, BIT, INT4, INT4),
    PURE("position", position, INT4, 2, BIT, BIT),
    PURE("length", length, INT4, 1, BIT),
    PURE("bit_length", length, INT4, 1, BIT),
    PURE("octet_length", octet_length, INT4, 1, BIT),
    PURE("bit_count", bit_count, INT8, 1, BIT),
    PURE("get_bit", get_bit, INT4, 2, BIT, INT4),
    PURE("set_bit", set_bit, BIT, 3, BIT, INT4, INT4),
    {0},
};

// Rows: what was encoded comes back, and no bytes whatever harm row_is_valid.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/limits.h"
#include "data/schema.h"
#include "random_values.h"

enum { MOST_COLUMNS = 40 };

static void make_schema(struct schema *schema, struct column *columns, int count, uint64_t *seed, struct arena *arena)
{
  struct error error;
  memset(columns, 0, sizeof *columns * (size_t)count);
  for (int i = 0; i < count; i++)
    columns[i].type = type_plain(all_types[random_below(seed, ALL_TYPES)]);
  assert_int_equal(schema_init(schema, (uint16_t)random_below(seed, 0x8000), columns, count, arena, &error), 0);
}

static void fill_row(const struct schema *schema, struct value *values, uint64_t *seed, struct arena *arena)
{
  for (int i = 0; i < schema->column_count; i++)
    values[i] = random_below(seed, 5) ? random_value(seed, schema->columns[i].type.id, arena) : value_null();
}

static void assert_same(enum type_id type, const struct value *a, const struct value *b)
{
  assert_int_equal(a->is_null, b->is_null);
  if (a->is_null)
    return;
  if (type_info(type)->storage == STORAGE_BYTES) {
    assert_int_equal(a->size, b->size);
    assert_true(bytes_equal(bytes_of(a->data, a->size), bytes_of(b->data, b->size)));
  } else {
    assert_true(a->integer == b->integer); // the bits of floats too
  }
}

static void test_rows_come_back(void **state)
{
  uint64_t seed = 1;
  struct arena arena;
  arena_init(&arena, NULL);
  for (int round = 0; round < 4000; round++) {
    arena_reset(&arena);
    struct column columns[MOST_COLUMNS];
    struct value values[MOST_COLUMNS], back[MOST_COLUMNS];
    struct schema schema;
    struct error error;
    make_schema(&schema, columns, (int)random_below(&seed, MOST_COLUMNS + 1), &seed, &arena);
    fill_row(&schema, values, &seed, &arena);
    struct buffer row = {0}, again = {0};
    assert_int_equal(row_encode(&schema, values, &row, &error), 0);
    assert_true(row_is_valid(&schema, buffer_bytes(&row)));
    assert_int_equal(row_version(buffer_bytes(&row)), schema.version);
    row_get_all(&schema, buffer_bytes(&row), back);
    for (int i = 0; i < schema.column_count; i++)
      assert_same(columns[i].type.id, &values[i], &back[i]);
    assert_int_equal(row_encode(&schema, back, &again, &error), 0);
    assert_true(bytes_equal(buffer_bytes(&row), buffer_bytes(&again)));
    buffer_deinit(&row);
    buffer_deinit(&again);
  }
  arena_deinit(&arena);
}

// Reads every column of a row that was declared valid, in every form: nothing may run over its end.
static void use_row(const struct schema *schema, struct bytes row)
{
  struct value values[MOST_COLUMNS];
  struct buffer out = {0};
  row_get_all(schema, row, values);
  for (int i = 0; i < schema->column_count; i++)
    if (!values[i].is_null) {
      value_to_text(schema->columns[i].type.id, &values[i], &format_settings_default, &out);
      value_to_binary(schema->columns[i].type.id, &values[i], &out);
    }
  buffer_deinit(&out);
}

static void mutate(struct buffer *row, uint64_t *seed)
{
  for (uint64_t n = 1 + random_below(seed, 4); n > 0; n--) {
    size_t at = row->size ? random_below(seed, row->size) : 0;
    switch (random_below(seed, 5)) {
    case 0: row->size = at; break;
    case 1: buffer_append_u8(row, (uint8_t)random_next(seed)); break;
    case 2: if (row->size) row->data[at] ^= (uint8_t)(1 << random_below(seed, 8)); break;
    case 3: if (row->size) row->data[at] = random_below(seed, 2) ? 0xff : 0; break;
    default: if (row->size) row->data[at] = (uint8_t)random_next(seed);
    }
  }
}

static void test_no_bytes_harm_row_is_valid(void **state)
{
  uint64_t seed = 2;
  int valid = 0, invalid = 0;
  struct arena arena;
  arena_init(&arena, NULL);
  for (int round = 0; round < 40000; round++) {
    arena_reset(&arena);
    struct column columns[MOST_COLUMNS];
    struct value values[MOST_COLUMNS];
    struct schema schema;
    struct error error;
    make_schema(&schema, columns, (int)random_below(&seed, 9), &seed, &arena);
    fill_row(&schema, values, &seed, &arena);
    struct buffer row = {0};
    assert_int_equal(row_encode(&schema, values, &row, &error), 0);
    mutate(&row, &seed);
    const uint8_t *exact = malloc(row.size ? row.size : 1); // so that reading beyond the end is seen
    memcpy((void *)exact, row.data, row.size);
    struct bytes bytes = bytes_of(exact, row.size);
    if (row_is_valid(&schema, bytes)) {
      valid++;
      use_row(&schema, bytes);
    } else {
      invalid++;
    }
    free((void *)exact);
    buffer_deinit(&row);
  }
  arena_deinit(&arena);
  assert_true(valid > 1000 && invalid > 10000);
}

static void test_layout_stays(void **state)
{
  // These bytes are on disks.
  struct column columns[] = {{.name = "a", .type = {TYPE_INT4, -1}}, {.name = "b", .type = {TYPE_TEXT, -1}},
                             {.name = "c", .type = {TYPE_BOOLEAN, -1}}, {.name = "d", .type = {TYPE_VARCHAR, 5}},
                             {.name = "e", .type = {TYPE_INT8, -1}}};
  struct value values[] = {value_integer(-2), value_string("xyz"), value_boolean(true), value_string("q"),
                           value_null()};
  static const uint8_t expected[] = {7, 0, 0x10, 0xfe, 0xff, 0xff, 0xff, 1,   0,   0,   0,   0,
                                     0, 0, 0,    0,    3,    0,    4,    0,   'x', 'y', 'z', 'q'};
  struct arena arena;
  struct schema schema;
  struct error error;
  struct buffer row = {0};
  arena_init(&arena, NULL);
  assert_int_equal(schema_init(&schema, 7, columns, 5, &arena, &error), 0);
  assert_int_equal(row_encode(&schema, values, &row, &error), 0);
  assert_int_equal(row.size, sizeof expected);
  assert_memory_equal(row.data, expected, sizeof expected);
  buffer_deinit(&row);
  arena_deinit(&arena);
}

static void test_what_no_encoder_wrote_is_invalid(void **state)
{
  struct column columns[] = {{.type = {TYPE_BOOLEAN, -1}}, {.type = {TYPE_INT2, -1}}};
  static const struct {
    uint8_t row[6];
    size_t size;
    bool is_valid;
  } cases[] = {
    {{1, 0, 0, 1, 5, 0}, 6, true},  {{1, 0, 0, 2, 5, 0}, 6, false}, {{2, 0, 0, 1, 5, 0}, 6, false},
    {{1, 0, 2, 1, 0, 0}, 6, true},  {{1, 0, 2, 1, 5, 0}, 6, false}, {{1, 0, 4, 1, 5, 0}, 6, false},
    {{1, 0, 0, 1, 5, 0}, 5, false}, {{1, 128, 0, 1, 5, 0}, 6, false}, {{0}, 0, false},
  };
  struct arena arena;
  struct schema schema;
  struct error error;
  arena_init(&arena, NULL);
  assert_int_equal(schema_init(&schema, 1, columns, 2, &arena, &error), 0);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_int_equal(row_is_valid(&schema, bytes_of(cases[i].row, cases[i].size)), cases[i].is_valid);
  arena_deinit(&arena);
}

static void test_wide_rows(void **state)
{
  struct column columns[] = {{.type = {TYPE_TEXT, -1}}, {.type = {TYPE_INT2, -1}}, {.type = {TYPE_TEXT, -1}}};
  struct arena arena;
  struct schema schema;
  struct error error;
  struct buffer row = {0};
  arena_init(&arena, NULL);
  assert_int_equal(schema_init(&schema, 1, columns, 3, &arena, &error), 0);
  uint8_t *letters = arena_alloc(&arena, LIMIT_ROW + 1);
  memset(letters, 'x', LIMIT_ROW + 1);
  static const uint32_t sizes[] = {UINT16_MAX - 2, UINT16_MAX - 1, UINT16_MAX, 100000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    struct value values[] = {value_bytes(letters, sizes[i]), value_integer(-5), value_string("ab")}, back[3];
    buffer_clear(&row);
    assert_int_equal(row_encode(&schema, values, &row, &error), 0);
    assert_true(row_is_valid(&schema, buffer_bytes(&row)));
    row_get_all(&schema, buffer_bytes(&row), back);
    for (int c = 0; c < 3; c++)
      assert_same(columns[c].type.id, &values[c], &back[c]);
  }
  struct value values[] = {value_bytes(letters, LIMIT_ROW), value_integer(1), value_null()};
  assert_int_equal(row_encode(&schema, values, &row, &error), STATUS_LIMIT);
  assert_string_equal(error.sqlstate, "54000");
  buffer_deinit(&row);
  arena_deinit(&arena);
}

static void test_too_many_columns(void **state)
{
  struct arena arena;
  struct schema schema;
  struct error error;
  arena_init(&arena, NULL);
  struct column *columns = ARENA_ARRAY(&arena, struct column, LIMIT_COLUMNS + 1);
  for (int i = 0; i <= LIMIT_COLUMNS; i++)
    columns[i].type = type_plain(TYPE_INT4);
  assert_int_equal(schema_init(&schema, 1, columns, LIMIT_COLUMNS, &arena, &error), 0);
  assert_int_equal(schema_init(&schema, 1, columns, LIMIT_COLUMNS + 1, &arena, &error), STATUS_LIMIT);
  assert_string_equal(error.message, "tables can have at most 1600 columns");
  arena_deinit(&arena);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_rows_come_back), cmocka_unit_test(test_no_bytes_harm_row_is_valid),
    cmocka_unit_test(test_layout_stays),   cmocka_unit_test(test_wide_rows),
    cmocka_unit_test(test_too_many_columns), cmocka_unit_test(test_what_no_encoder_wrote_is_invalid),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

// COPY: rows come out the same wherever the chunks of a file are cut, and what is written is read back.
#include "base/sqlstate.h"
#include "database.h"
#include "sql/copy.h"

struct fixture {
  struct database database;
  struct parse *parse;
  struct copy *copy;
};

static void open_fixture(struct fixture *fixture)
{
  *fixture = (struct fixture){0};
  database_open(&fixture->database);
  (void)database_table(&fixture->database, "t: a int4, b text, c float8:");
}

static int bind_copy(struct fixture *fixture, const char *sql)
{
  struct database *database = &fixture->database;
  fixture->parse = parse_open(bytes_of_string(sql), &database->error);
  assert_non_null(fixture->parse);
  struct bind_input input = {
      .catalog = database->catalog,
      .version = database->writer.version,
      .settings = &database->settings,
      .parsed = &fixture->parse->statements[0],
      .text = fixture->parse->text,
      .arena = &database->statement,
  };
  return copy_bind(&input, &fixture->copy, &database->error);
}

static void release_copy(struct fixture *fixture)
{
  if (fixture->copy)
    copy_release(fixture->copy);
  parse_close(fixture->parse);
  fixture->copy = NULL;
  arena_reset(&fixture->database.statement);
}

static void close_fixture(struct fixture *fixture)
{
  database_close(&fixture->database);
}

static void show_row(struct fixture *fixture, const struct value *values, struct buffer *out)
{
  const struct copy *copy = fixture->copy;
  for (int i = 0; i < copy->column_count; i++) {
    buffer_append_u8(out, i ? '|' : '[');
    if (values[i].is_null)
      buffer_append_u8(out, '-');
    else
      value_to_text(copy->relation->schema.columns[copy->columns[i]].type.id, &values[i], &format_settings_default,
                    out);
  }
  buffer_append_u8(out, ']');
}

// All rows as text, or the error behind those before it. The file comes in pieces of `size` bytes, each in memory of its
// own, so that a look behind its end is seen.
static void read_file(struct fixture *fixture, struct bytes file, size_t size, struct buffer *out)
{
  struct error *error = &fixture->database.error;
  struct copy_reader reader;
  struct value values[8];
  struct arena arena;
  arena_init(&arena, NULL);
  copy_reader_init(&reader, fixture->copy);
  buffer_clear(out);
  error_clear(error);
  int status = 0;
  for (size_t at = 0; status >= 0 && at <= file.size; at += size) {
    size_t left = file.size - at, take = left < size ? left : size;
    uint8_t *piece = malloc(take + 1);
    memcpy(piece, file.data + at, take);
    status = copy_reader_feed(&reader, bytes_of(piece, take), error);
    free(piece);
    bool at_end = take == left;
    while (!status &&
           (status = copy_reader_next(&reader, at_end, &format_settings_default, &arena, values, error)) > 0) {
      show_row(fixture, values, out);
      arena_reset(&arena);
      status = 0;
    }
    if (at_end)
      break;
  }
  if (status)
    buffer_format(out, "%s %s: %s", error->sqlstate, error->message, error->context);
  buffer_append_u8(out, 0);
  arena_deinit(&arena);
  copy_reader_deinit(&reader);
}

static void check_file(const char *sql, const char *file, const char *expected)
{
  struct fixture fixture;
  struct buffer out = {0};
  open_fixture(&fixture);
  assert_int_equal(bind_copy(&fixture, sql), 0);
  for (size_t size = 1; size <= strlen(file) + 1; size++) {
    read_file(&fixture, bytes_of_string(file), size, &out);
    if (strcmp((char *)out.data, expected))
      fail_msg("%s in pieces of %zu\n  gives    %s\n  expected %s", file, size, (char *)out.data, expected);
  }
  buffer_deinit(&out);
  release_copy(&fixture);
  close_fixture(&fixture);
}

static void text_rows_may_be_cut_anywhere(void **state)
{
  check_file("COPY t FROM STDIN", "1\tone\t1.5\n2\t\\N\t\\N\n3\ta\\tb\\\\\\n\\x41\\101\t-1\n",
             "[1|one|1.5][2|-|-][3|a\tb\\\nAA|-1]");
  check_file("COPY t FROM STDIN", "1\tone\t1\n2\ttwo\t2", "[1|one|1][2|two|2]");
  check_file("COPY t FROM STDIN", "1\ta\\\nb\t1\n", "[1|a\nb|1]");
  check_file("COPY t FROM STDIN", "1\ta\t1\n\\.\nwhat follows is no data", "[1|a|1]");
  check_file("COPY t (b) FROM STDIN", "\n\nx\n", "[][][x]");
  check_file("COPY t FROM STDIN", "", "");
}

static void lines_end_as_the_first_one_does(void **state)
{
  check_file("COPY t (b) FROM STDIN", "a\r\nb\r\n", "[a][b]");
  check_file("COPY t (b) FROM STDIN", "a\rb\rc", "[a][b][c]");
  check_file("COPY t (b) FROM STDIN", "a\nb\rc\n",
             "[a]22P04 literal carriage return found in data: COPY t, line 2: \"b\rc\"");
  check_file("COPY t (b) FROM STDIN", "a\r\nb\n", "[a]22P04 literal newline found in data: COPY t, line 2: \"b\"");
  check_file("COPY t (b) FROM STDIN CSV", "a\r\nb\r\n", "[a][b]");
  check_file("COPY t (b) FROM STDIN CSV", "a\n\"b\r\nc\"\n", "[a][b\r\nc]");
  check_file("COPY t (b) FROM STDIN CSV", "a\nb\rc\n",
             "[a]22P04 unquoted carriage return found in data: COPY t, line 2: \"b\"");
}

static void csv_rows_may_be_cut_anywhere(void **state)
{
  check_file("COPY t FROM STDIN CSV", "1,\"a,\"\"b\"\"\",2\n2,,\n3,\"\",\n", "[1|a,\"b\"|2][2|-|-][3||-]");
  check_file("COPY t FROM STDIN CSV", "1,\"two\nlines\n\",2\n2,x\"y\"z,3\n", "[1|two\nlines\n|2][2|xyz|3]");
  check_file("COPY t FROM STDIN CSV HEADER", "a,b,c\n1,x,2\n", "[1|x|2]");
  check_file("COPY t FROM STDIN (FORMAT csv, QUOTE '''', ESCAPE '\\')", "1,'it\\'s \\\\ \"\n',2\n",
             "[1|it's \\ \"\n|2]");
  check_file("COPY t FROM STDIN CSV", "1,\"open\n",
             "22P04 unterminated CSV quoted field: COPY t, line 1: \"1,\"open\n\"");
  check_file("COPY t FROM STDIN CSV", "1,\"a\nb\",1\n2\n",
             "[1|a\nb|1]22P04 missing data for column \"b\": COPY t, line 3: \"2\"");
}

static void broken_rows_say_where(void **state)
{
  check_file("COPY t FROM STDIN", "1\ta\t1\n2\tb\n",
             "[1|a|1]22P04 missing data for column \"c\": COPY t, line 2: \"2\tb\"");
  check_file("COPY t FROM STDIN", "1\ta\t1\t\n",
             "22P04 extra data after last expected column: COPY t, line 1: \"1\ta\t1\t\"");
  check_file("COPY t FROM STDIN", "1\ta\tx\n",
             "22P02 invalid input syntax for type double precision: \"x\": COPY t, line 1, column c: \"x\"");
  check_file("COPY t (b) FROM STDIN", "a\\.b\n", "22P04 end-of-copy marker corrupt: ");
  check_file("COPY t (a) FROM STDIN", "\xff\n", "22021 invalid byte sequence for encoding \"UTF8\": 0xff: ");
}

// --- Writing --------------------------------------------------------------------------------------------------

// Rows of random text, much of it of bytes that mean something, are written and read back.
static void written_rows_are_read_back(void **state)
{
  static const char *const forms[] = {
      "COPY t FROM STDIN",
      "COPY t FROM STDIN (DELIMITER '|', NULL 'nil')",
      "COPY t FROM STDIN (DELIMITER '~')",
      "COPY t FROM STDIN CSV",
      "COPY t FROM STDIN (FORMAT csv, DELIMITER ';', QUOTE '''', ESCAPE '\\', NULL 'x')",
  };
  static const char bytes[] = "ab\\\n\r\t,;'\"|~N.x\v\b\f1";
  static const enum type_id types[] = {TYPE_INT4, TYPE_TEXT, TYPE_FLOAT8};
  uint64_t seed = 7;
  struct fixture fixture;
  struct buffer file = {0}, expected = {0}, out = {0};
  open_fixture(&fixture);
  for (size_t form = 0; form < sizeof forms / sizeof *forms; form++) {
    assert_int_equal(bind_copy(&fixture, forms[form]), 0);
    for (int round = 0; round < 200; round++) {
      buffer_clear(&file);
      buffer_clear(&expected);
      for (int row = below(&seed, 5); row >= 0; row--) {
        char text[16];
        int size = below(&seed, 8);
        for (int i = 0; i < size; i++)
          text[i] = bytes[below(&seed, (int)sizeof bytes - 1)];
        struct value values[] = {value_integer(below(&seed, 1000)), value_bytes(text, (uint32_t)size),
                                 value_float8(0.5)};
        values[1].is_null = below(&seed, 5) == 0;
        values[2].is_null = below(&seed, 2) == 0;
        copy_write_row(&fixture.copy->options, types, values, 3, &format_settings_default, &file);
        show_row(&fixture, values, &expected);
      }
      buffer_append_u8(&expected, 0);
      read_file(&fixture, buffer_bytes(&file), 1 + (size_t)below(&seed, 20), &out);
      if (strcmp((char *)out.data, (char *)expected.data))
        fail_msg("%s\n%.*s\n  gives    %s\n  expected %s", forms[form], (int)file.size, (char *)file.data,
                 (char *)out.data, (char *)expected.data);
    }
    release_copy(&fixture);
  }
  buffer_deinit(&file);
  buffer_deinit(&expected);
  buffer_deinit(&out);
  close_fixture(&fixture);
}

// Every byte that needs a backslash gets it wherever it stands, and no other one.
static void bytes_are_escaped_at_every_place(void **state)
{
  static const char special[] = "\b\f\n\r\t\v\\|", written[] = "bfnrtv\\|", plain[] = "\x01\x0e\x1f ~\x7f";
  static const enum type_id types[] = {TYPE_TEXT};
  struct copy_options options = {.delimiter = '|', .null = "\\N"};
  struct buffer out = {0};
  for (int size = 1; size <= 20; size++)
    for (int place = 0; place < size; place++)
      for (size_t i = 0; i < sizeof special - 1 + sizeof plain - 1; i++) {
        bool is_special = i < sizeof special - 1;
        char text[32], expected[32];
        memset(text, 'x', sizeof text);
        memset(expected, 'x', sizeof expected);
        text[place] = is_special ? special[i] : plain[i - (sizeof special - 1)];
        expected[place] = is_special ? '\\' : text[place];
        if (is_special)
          expected[place + 1] = written[i];
        expected[size + is_special] = '\n';
        struct value value = value_bytes(text, (uint32_t)size);
        buffer_clear(&out);
        copy_write_row(&options, types, &value, 1, &format_settings_default, &out);
        assert_int_equal(out.size, size + is_special + 1);
        assert_memory_equal(out.data, expected, out.size);
      }
  buffer_deinit(&out);
}

// A file of the binary form: what stands between the parentheses is text, all else are hexadecimal digits.
static struct bytes binary_file(const char *form, struct buffer *out)
{
  buffer_clear(out);
  for (bool is_text = false; *form; form++) {
    if (*form == '(' || *form == ')')
      is_text = *form == '(';
    else if (is_text)
      buffer_append_u8(out, (uint8_t)*form);
    else if (*form != ' ') {
      char digits[3] = {form[0], form[1], 0};
      buffer_append_u8(out, (uint8_t)strtol(digits, NULL, 16));
      form++;
    }
  }
  return buffer_bytes(out);
}

#define SIGNATURE "(PGCOPY)0a ff 0d0a 00 00000000 00000000"
#define FIRST "0003 00000004 00000001 00000003 (one) 00000008 3ff8000000000000"

static void binary_rows_may_be_cut_anywhere(void **state)
{
  static const char *const cases[][2] = {
      {SIGNATURE FIRST "0003 00000004 ffffffff ffffffff ffffffff ffff", "[1|one|1.5][-1|-|-]"},
      {SIGNATURE FIRST, "[1|one|1.5]"},
      {SIGNATURE "ffff", ""},
      {SIGNATURE "", ""},
      {"(PGCOPY)0a ff 0d0a 00 0000ffff 00000003 414243" FIRST "ffff", "[1|one|1.5]"},
      {"", "22P04 COPY file signature not recognized: "},
      {"(PGCOPX)", "22P04 COPY file signature not recognized: "},
      {"(PGCOPY)0a ff 0d0a 00 0000", "22P04 invalid COPY file header (missing flags): "},
      {"(PGCOPY)0a ff 0d0a 00 00010000", "22P04 invalid COPY file header (WITH OIDS): "},
      {"(PGCOPY)0a ff 0d0a 00 00020000", "22P04 unrecognized critical flags in COPY file header: "},
      {"(PGCOPY)0a ff 0d0a 00 00000000 0000", "22P04 invalid COPY file header (missing length): "},
      {"(PGCOPY)0a ff 0d0a 00 00000000 00000005 41", "22P04 invalid COPY file header (wrong length): "},
      {SIGNATURE FIRST "ffff 00", "[1|one|1.5]22P04 received copy data after EOF marker: COPY t, line 2"},
      {SIGNATURE FIRST "0002", "[1|one|1.5]22P04 row field count is 2, expected 3: COPY t, line 2"},
      {SIGNATURE FIRST "0003 0000", "[1|one|1.5]22P04 unexpected EOF in COPY data: COPY t, line 2, column a"},
      {SIGNATURE "0003 00000004 00000001 fffffffe", "22P04 invalid field size: COPY t, line 1, column b"},
      {SIGNATURE "0003 00000004 00000001 00000003 (on)", "22P04 unexpected EOF in COPY data: COPY t, line 1, column b"},
      {SIGNATURE "0003 00000003 000001 ffffffff ffffffff",
       "08P01 insufficient data left in message: COPY t, line 1, column a"},
      {SIGNATURE "0003 00000004 00000001 00000001 ff ffffffff",
       "22021 invalid byte sequence for encoding \"UTF8\": 0xff: COPY t, line 1, column b"},
  };
  struct fixture fixture;
  struct buffer file = {0}, out = {0};
  open_fixture(&fixture);
  assert_int_equal(bind_copy(&fixture, "COPY t FROM STDIN (FORMAT binary)"), 0);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct bytes bytes = binary_file(cases[i][0], &file);
    for (size_t size = 1; size <= bytes.size + 1; size++) {
      read_file(&fixture, bytes, size, &out);
      if (strcmp((char *)out.data, cases[i][1]))
        fail_msg("%s in pieces of %zu\n  gives    %s\n  expected %s", cases[i][0], size, (char *)out.data, cases[i][1]);
    }
  }
  buffer_deinit(&file);
  buffer_deinit(&out);
  release_copy(&fixture);
  close_fixture(&fixture);
}

static void files_and_programs_are_refused(void **state)
{
  static const char *const refused[] = {"COPY t TO '/tmp/x'", "COPY t FROM '/tmp/x'", "COPY t FROM PROGRAM 'cat'"};
  struct fixture fixture;
  open_fixture(&fixture);
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    assert_true(bind_copy(&fixture, refused[i]) < 0);
    assert_string_equal(fixture.database.error.sqlstate, SQLSTATE_FEATURE_NOT_SUPPORTED);
    release_copy(&fixture);
  }
  close_fixture(&fixture);
}

static void a_row_without_an_end_is_refused(void **state)
{
  struct fixture fixture;
  struct copy_reader reader;
  struct error error = {0};
  struct value values[8];
  open_fixture(&fixture);
  assert_int_equal(bind_copy(&fixture, "COPY t FROM STDIN"), 0);
  copy_reader_init(&reader, fixture.copy);
  size_t size = 1 << 20;
  uint8_t *chunk = malloc(size);
  memset(chunk, 'x', size);
  int status = 0;
  for (int i = 0; i < 20 && !status; i++) {
    status = copy_reader_feed(&reader, bytes_of(chunk, size), &error);
    if (!status)
      assert_int_equal(
          copy_reader_next(&reader, false, &format_settings_default, &fixture.database.arena, values, &error), 0);
  }
  assert_true(status < 0);
  assert_string_equal(error.sqlstate, SQLSTATE_PROGRAM_LIMIT_EXCEEDED);
  free(chunk);
  copy_reader_deinit(&reader);
  release_copy(&fixture);
  close_fixture(&fixture);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text_rows_may_be_cut_anywhere),   cmocka_unit_test(lines_end_as_the_first_one_does),
      cmocka_unit_test(csv_rows_may_be_cut_anywhere),    cmocka_unit_test(broken_rows_say_where),
      cmocka_unit_test(written_rows_are_read_back),      cmocka_unit_test(binary_rows_may_be_cut_anywhere),
      cmocka_unit_test(bytes_are_escaped_at_every_place), cmocka_unit_test(files_and_programs_are_refused),
      cmocka_unit_test(a_row_without_an_end_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

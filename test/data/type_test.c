// The table of types: every way to name a type leads back to it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "data/type.h"

static void test_names_and_oids_lead_back(void **state)
{
  for (int id = 0; id < TYPE_COUNT; id++) {
    const struct type_info *info = type_info((enum type_id)id);
    assert_int_equal(type_of_oid(info->oid), id);
    assert_int_equal(type_of_name(info->name), id);
    assert_int_equal(type_of_name(info->short_name), id);
    assert_int_equal(info->row_size == 0, info->storage == STORAGE_BYTES);
  }
  assert_int_equal(type_of_oid(9999), TYPE_COUNT);
  assert_int_equal(type_of_name("xml"), TYPE_COUNT);
  assert_int_equal(type_of_name("int"), TYPE_INT4);
  assert_int_equal(type_of_name("decimal"), TYPE_NUMERIC);
  assert_int_equal(type_of_name("timestamp"), TYPE_TIMESTAMP);
}

static void test_format(void **state)
{
  static const struct {
    enum type_id id;
    int32_t modifier, wire;
    const char *text;
  } cases[] = {
    {TYPE_INT4, -1, -1, "integer"},
    {TYPE_VARCHAR, 10, 14, "character varying(10)"},
    {TYPE_VARCHAR, -1, -1, "character varying"},
    {TYPE_BPCHAR, 3, 7, "character(3)"},
    {TYPE_NUMERIC, (10 << 16) | 2, ((10 << 16) | 2) + 4, "numeric(10,2)"},
    {TYPE_NUMERIC, (3 << 16) | 0xfffe, ((3 << 16) | 0x7fe) + 4, "numeric(3,-2)"},
    {TYPE_TIMESTAMP, 3, 3, "timestamp(3) without time zone"},
    {TYPE_TIMESTAMPTZ, 0, 0, "timestamp(0) with time zone"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct type type = {.id = cases[i].id, .modifier = cases[i].modifier};
    char text[64];
    type_format(type, NULL, text, sizeof text);
    assert_string_equal(text, cases[i].text);
    assert_int_equal(type_wire_modifier(type), cases[i].wire);
  }
  char small[8];
  type_format(type_plain(TYPE_TIMESTAMPTZ), NULL, small, sizeof small);
  assert_string_equal(small, "timesta");
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_names_and_oids_lead_back), cmocka_unit_test(test_format)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

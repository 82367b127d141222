// Any bytes as jsonpath: what is read is printed, and what is printed is read back the same. Run on the JSON that may
// follow behind a zero byte, in silence and not: both end, and agree where neither fails.
#include <stdlib.h>
#include <string.h>

#include "data/jsonb.h"
#include "data/jsonpath.h"
#include "data/utf8.h"
#include "expr/function.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
  if (!holds)
    abort();
}

static void run(struct arena *arena, const struct value *path, const struct value *json)
{
  static const enum type_id types[] = {TYPE_JSONB, TYPE_JSONPATH, TYPE_JSONB, TYPE_BOOLEAN};
  const struct function *query, *exists;
  struct error error = {0};
  struct value nothing, loud, quiet, is_there;
  struct evaluation evaluation = {.arena = arena, .settings = &format_settings_default, .error = &error};
  require(function_resolve("jsonb_path_query_array", false, types, 4, NULL, &query, &error) == 0);
  require(function_resolve("jsonb_path_exists", false, types, 4, NULL, &exists, &error) == 0);
  require(jsonb_from_text(bytes_of_string("{\"x\": 1}"), arena, &nothing, &error) == 0);
  struct value arguments[] = {*json, *path, nothing, value_boolean(false)};
  int status = query->code(&evaluation, arguments, 4, &loud);
  arguments[3] = value_boolean(true);
  error = (struct error){0};
  int again = query->code(&evaluation, arguments, 4, &quiet);
  if (!again)
    require(jsonb_is_valid(bytes_of(quiet.data, quiet.size)));
  if (status)
    return;
  require(again == 0 && jsonb_compare(jsonb_of(&loud), jsonb_of(&quiet)) == 0);
  error = (struct error){0};
  if (exists->code(&evaluation, arguments, 4, &is_there) == 0 && !is_there.is_null)
    require(is_there.integer == (jsonb_count(jsonb_of(&loud)) > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct memory_account account = {.limit = 64 << 20};
  struct arena arena;
  struct error error = {0};
  struct value path, again, json;
  const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
  struct bytes first = bytes_of(data, zero ? (size_t)(zero - data) : size);
  struct bytes second = zero ? bytes_of(zero + 1, size - first.size - 1)
                             : bytes_of_string("[{\"a\": [1, \"b\"]}, null]");
  if (!utf8_is_valid(first) || !utf8_is_valid(second))
    return 0;
  arena_init(&arena, &account);
  if (jsonpath_from_text(first, &arena, &path, &error) == 0) {
    struct bytes printed = bytes_of(path.data, path.size);
    require(jsonpath_is_valid(printed));
    require(jsonpath_from_text(printed, &arena, &again, &error) == 0);
    require(bytes_equal(printed, bytes_of(again.data, again.size)));
    if (jsonb_from_text(second, &arena, &json, &error) == 0)
      run(&arena, &path, &json);
  }
  arena_deinit(&arena);
  return 0;
}

// Any bytes as a regular expression and, behind a zero byte, a text: it ends, within its memory, and what is split is
// put together of pieces of the text.
#include <stdlib.h>
#include <string.h>

#include "data/array.h"
#include "data/utf8.h"
#include "expr/function.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
  if (!holds)
    abort();
}

static int call(struct evaluation *evaluation, const char *name, const struct value *arguments, int count,
                struct value *result)
{
  static const enum type_id types[] = {TYPE_TEXT, TYPE_TEXT, TYPE_TEXT, TYPE_TEXT};
  const struct function *function;
  *evaluation->error = (struct error){0};
  require(function_resolve(name, false, types, count, NULL, &function, evaluation->error) == 0);
  return function->code(evaluation, arguments, count, result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct memory_account account = {.limit = 64 << 20};
  struct arena arena;
  struct error error = {0};
  struct value result, pieces, piece;
  const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
  struct bytes pattern = bytes_of(data, zero ? (size_t)(zero - data) : size);
  struct bytes text = zero ? bytes_of(zero + 1, size - pattern.size - 1) : bytes_of_string("abc foobar 123");
  if (size > 512 || !utf8_is_valid(pattern) || !utf8_is_valid(text))
    return 0;
  arena_init(&arena, &account);
  struct evaluation evaluation = {.arena = &arena, .settings = &format_settings_default, .error = &error};
  struct value arguments[4] = {value_bytes(text.data, (uint32_t)text.size),
                               value_bytes(pattern.data, (uint32_t)pattern.size), value_string("[\\1\\&]"),
                               value_string("gn")};
  (void)call(&evaluation, "regexp_replace", arguments, 4, &result);
  (void)call(&evaluation, "regexp_match", arguments, 2, &result);
  if (call(&evaluation, "regexp_split_to_array", arguments, 2, &pieces) == 0) {
    struct array array = array_of(TYPE_TEXT_ARRAY, &pieces);
    size_t total = 0;
    for (struct array_walk walk = array_walk(&array); array_next(&walk, &piece);)
      total += piece.size;
    require(total <= text.size);
  }
  arena_deinit(&arena);
  return 0;
}

// Any bytes as JSON: what json takes, jsonb takes too (but for escapes that no text can hold, and numbers that are too large);
// what jsonb takes is printed and read back the same, and its walks and keys agree with it.
//
// The input may hold two values with a zero byte between them: they are compared, in both ways.
#include <stdlib.h>
#include <string.h>

#include "data/jsonb.h"
#include "data/key.h"
#include "data/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
  if (!holds)
    abort();
}

static void walk(struct bytes text)
{
  struct bytes name, value;
  struct buffer out = {0};
  for (size_t position = 0; json_next(text, &position, &name, &value);) {
    require(json_parse(value, NULL, NULL, NULL) == 0);
    buffer_clear(&out);
    if (name.data)
      (void)json_unescape(name, &out, NULL);
  }
  buffer_deinit(&out);
}

// False: it is not JSON.
static bool take(struct bytes text, struct arena *arena, struct value *value)
{
  struct buffer printed = {0}, again = {0};
  struct error error;
  int plain = json_parse(text, NULL, NULL, &error);
  if (plain == 0 && json_is_container(json_kind_of(text)))
    walk(text);
  int status = jsonb_from_text(text, arena, value, &error);
  require(status != 0 || plain == 0);
  if (status)
    return false;
  require(jsonb_is_valid(bytes_of(value->data, value->size)));
  struct value back;
  jsonb_to_text(jsonb_of(value), &printed);
  require(jsonb_from_text(buffer_bytes(&printed), arena, &back, &error) == 0);
  jsonb_to_text(jsonb_of(&back), &again);
  require(bytes_equal(buffer_bytes(&printed), buffer_bytes(&again)));
  require(jsonb_compare(jsonb_of(value), jsonb_of(&back)) == 0);
  buffer_deinit(&printed);
  buffer_deinit(&again);
  return true;
}

static int sign_of(int v)
{
  return (v > 0) - (v < 0);
}

static void compare(const struct value *a, const struct value *b)
{
  struct key_part part = {0};
  struct buffer x = {0}, y = {0};
  int order = jsonb_compare(jsonb_of(a), jsonb_of(b));
  require(sign_of(order) == -sign_of(jsonb_compare(jsonb_of(b), jsonb_of(a))));
  require(order != 0 || jsonb_hash(jsonb_of(a), 1) == jsonb_hash(jsonb_of(b), 1));
  (void)jsonb_contains(jsonb_of(a), jsonb_of(b));
  if (!key_append(TYPE_JSONB, &part, a, &x, NULL) && !key_append(TYPE_JSONB, &part, b, &y, NULL))
    require(sign_of(bytes_compare(buffer_bytes(&x), buffer_bytes(&y))) == sign_of(order));
  buffer_deinit(&x);
  buffer_deinit(&y);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct memory_account account = {.limit = 64 << 20};
  struct arena arena;
  struct value a, b;
  const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
  struct bytes first = bytes_of(data, zero ? (size_t)(zero - data) : size);
  struct bytes second = zero ? bytes_of(zero + 1, size - first.size - 1) : first;
  (void)jsonb_is_valid(bytes_of(data, size));
  if (!utf8_is_valid(first) || !utf8_is_valid(second))
    return 0;
  arena_init(&arena, &account);
  bool both = take(first, &arena, &a);
  both = take(second, &arena, &b) && both;
  if (both)
    compare(&a, &b);
  arena_deinit(&arena);
  return 0;
}

// The order of jsonb, hashes that agree with it, and containment.
#include "base/hash.h"
#include "data/jsonb.h"
#include "data/numeric.h"

static struct value number_of(struct jsonb item)
{
  return value_bytes(item.data, item.size);
}

static int compare(struct jsonb a, struct jsonb b);

static int compare_containers(struct jsonb a, struct jsonb b)
{
  uint32_t count = jsonb_count(a), other = jsonb_count(b);
  if (count != other)
    return count < other ? -1 : 1;
  for (uint32_t i = 0; i < count; i++) {
    struct jsonb x, y;
    int order = 0;
    if (a.kind == JSON_OBJECT) {
      struct bytes name, its;
      x = jsonb_member(a, i, &name);
      y = jsonb_member(b, i, &its);
      order = bytes_compare(name, its);
    } else {
      x = jsonb_element(a, i);
      y = jsonb_element(b, i);
    }
    if (!order)
      order = compare(x, y);
    if (order)
      return order;
  }
  return 0;
}

static int compare(struct jsonb a, struct jsonb b)
{
  if (a.kind != b.kind)
    return a.kind < b.kind ? -1 : 1;
  if (json_is_container(a.kind))
    return compare_containers(a, b);
  if (a.kind == JSON_STRING)
    return bytes_compare(jsonb_bytes(a), jsonb_bytes(b));
  if (a.kind != JSON_NUMBER)
    return 0;
  struct value x = number_of(a), y = number_of(b);
  return numeric_compare(&x, &y);
}

static bool is_empty_array(struct jsonb item)
{
  return item.kind == JSON_ARRAY && jsonb_count(item) == 0;
}

int jsonb_compare(struct jsonb a, struct jsonb b)
{
  if (is_empty_array(a) || is_empty_array(b))
    return (int)is_empty_array(b) - (int)is_empty_array(a);
  return compare(a, b);
}

uint64_t jsonb_hash(struct jsonb item, uint64_t seed)
{
  uint64_t word = item.kind;
  if (item.kind == JSON_STRING)
    return hash64(item.data, item.size, seed + word);
  if (item.kind == JSON_NUMBER) {
    struct value number = number_of(item);
    word = numeric_hash(&number);
  }
  uint64_t hash = hash64(&word, sizeof word, seed);
  uint32_t count = json_is_container(item.kind) ? jsonb_count(item) : 0;
  for (uint32_t i = 0; i < count; i++) {
    struct bytes name = {0};
    struct jsonb member = item.kind == JSON_OBJECT ? jsonb_member(item, i, &name) : jsonb_element(item, i);
    if (item.kind == JSON_OBJECT)
      hash = hash64(name.data, name.size, hash);
    hash = jsonb_hash(member, hash);
  }
  return hash;
}

// ---- containment ----

static bool array_contains(struct jsonb array, struct jsonb part)
{
  uint32_t count = jsonb_count(array);
  for (uint32_t i = 0; i < count; i++) {
    struct jsonb element = jsonb_element(array, i);
    if (element.kind != part.kind)
      continue;
    if (json_is_container(part.kind) ? jsonb_contains(element, part) : compare(element, part) == 0)
      return true;
  }
  return false;
}

bool jsonb_contains(struct jsonb item, struct jsonb part)
{
  if (item.kind == JSON_ARRAY && !json_is_container(part.kind)) // an array contains its scalars
    return array_contains(item, part);
  if (item.kind != part.kind)
    return false;
  if (!json_is_container(item.kind))
    return compare(item, part) == 0;
  uint32_t count = jsonb_count(part);
  for (uint32_t i = 0; i < count; i++) {
    if (item.kind == JSON_ARRAY) {
      if (!array_contains(item, jsonb_element(part, i)))
        return false;
      continue;
    }
    struct bytes name;
    struct jsonb wanted = jsonb_member(part, i, &name), member;
    if (!jsonb_find(item, name, &member) || member.kind != wanted.kind || !jsonb_contains(member, wanted))
      return false;
  }
  return true;
}

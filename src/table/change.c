// Change lists, and the log payloads that are made of them.
//
// 1. An entry is a head (struct entry) and then key, old row, new row, without padding; each head has the offset
//    of the entry before it, so that undoing walks backwards.
// 2. `last`, `count` and `whole` always agree with the bytes.
//
// A payload is: format version (1 byte), extra (varint size, bytes), entries. An entry is a varint of
// tree * 2 + has_new, the key and, with has_new, the row; each with its varint size. Payloads come back from files:
// the reader trusts no byte of them.
#include "table/change.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/sqlstate.h"

enum { PAYLOAD_VERSION = 1, FEW = 64, NO_ENTRY = UINT32_MAX };
enum { HAS_OLD = 1, HAS_NEW = 2 };

struct entry {
  uint32_t previous; // offset of the entry before, NO_ENTRY: none
  uint32_t tree;
  uint32_t old_size, new_size;
  uint16_t key_size;
  uint8_t flags;
  uint8_t has;
};

void change_list_init(struct change_list *list)
{
  *list = (struct change_list){.last = NO_ENTRY, .modes = NO_ENTRY};
}

void change_list_deinit(struct change_list *list)
{
  buffer_deinit(&list->bytes);
  buffer_deinit(&list->ready);
  change_list_init(list);
}

void change_list_clear(struct change_list *list)
{
  enum { KEPT = 16 * 1024 * 1024 };
  if (list->bytes.capacity > KEPT)
    buffer_deinit(&list->bytes);
  buffer_clear(&list->bytes);
  buffer_deinit(&list->ready);
  list->last = list->modes = NO_ENTRY;
  list->count = list->whole = list->checked = list->signals = list->replacing = 0;
}

bool change_reserve(struct change_list *list, size_t bytes)
{
  size_t more = sizeof(struct entry) + bytes;
  if (more >= NO_ENTRY - list->bytes.size)
    return false;
  if (buffer_reserve(&list->bytes, more))
    return true;
  list->bytes.failed = false; // what is in the list is whole: the next change may be smaller
  return false;
}

// Counts an entry in, or out again.
static void tally(struct change_list *list, const struct change *change, size_t by)
{
  uint8_t flags = change->flags;
  list->count += flags & CHANGE_MODES ? 0 : by;
  list->whole += flags & (CHANGE_FILLED | CHANGE_DROPPED) ? by : 0;
  list->checked += flags & CHANGE_CHECKED ? by : 0;
  list->replacing += change->has_old && !(flags & CHANGE_DERIVED) ? by : 0;
  list->signals += flags & CHANGE_SIGNAL ? by * change->new_row.size : 0;
}

bool change_append(struct change_list *list, const struct change *change)
{
  struct entry entry = {
    .previous = list->last,
    .tree = change->tree,
    .old_size = change->has_old ? (uint32_t)change->old_row.size : 0,
    .new_size = change->has_new ? (uint32_t)change->new_row.size : 0,
    .key_size = (uint16_t)change->key.size,
    .flags = change->flags,
    .has = (uint8_t)((change->has_old ? HAS_OLD : 0) | (change->has_new ? HAS_NEW : 0)),
  };
  size_t body = entry.key_size + (size_t)entry.old_size + entry.new_size;
  if (!change_reserve(list, body))
    return false;
  uint32_t offset = (uint32_t)list->bytes.size;
  uint8_t *at = buffer_extend(&list->bytes, sizeof entry + body);
  memcpy(at, &entry, sizeof entry);
  at += sizeof entry;
  if (entry.key_size)
    memcpy(at, change->key.data, entry.key_size);
  at += entry.key_size;
  if (entry.old_size)
    memcpy(at, change->old_row.data, entry.old_size);
  at += entry.old_size;
  if (entry.new_size)
    memcpy(at, change->new_row.data, entry.new_size);
  list->last = offset;
  tally(list, change, 1);
  return true;
}

// The offset of the one before it is the entry's old row.
bool change_set_modes(struct change_list *list, struct bytes modes)
{
  uint8_t before[4];
  put_le32(before, list->modes);
  struct change change = {
    .flags = CHANGE_MODES | CHANGE_DERIVED, .has_old = true, .has_new = true,
    .old_row = bytes_of(before, 4), .new_row = modes};
  if (!change_append(list, &change))
    return false;
  list->modes = list->last;
  return true;
}

static struct entry entry_at(const struct change_list *list, size_t offset, struct change *change)
{
  struct entry entry;
  memcpy(&entry, list->bytes.data + offset, sizeof entry);
  const uint8_t *at = list->bytes.data + offset + sizeof entry;
  *change = (struct change){
    .tree = entry.tree,
    .flags = entry.flags,
    .has_old = entry.has & HAS_OLD,
    .has_new = entry.has & HAS_NEW,
    .key = bytes_of(at, entry.key_size),
    .old_row = bytes_of(at + entry.key_size, entry.old_size),
    .new_row = bytes_of(at + entry.key_size + entry.old_size, entry.new_size),
  };
  return entry;
}

bool change_signal(struct change_list *list, size_t mark, struct bytes signal)
{
  struct change change = {.flags = CHANGE_SIGNAL | CHANGE_DERIVED, .has_new = true, .new_row = signal}, last = {0};
  if (list->last != NO_ENTRY && list->last >= mark)
    entry_at(list, list->last, &last);
  bool is_said = last.flags & CHANGE_SIGNAL && bytes_equal(last.new_row, signal);
  return is_said || change_append(list, &change);
}

struct bytes change_modes(const struct change_list *list)
{
  struct change change = {0};
  if (list->modes != NO_ENTRY)
    entry_at(list, list->modes, &change);
  return change.new_row;
}

bool change_next(const struct change_list *list, size_t *at, struct change *change)
{
  if (*at >= list->bytes.size)
    return false;
  struct entry entry = entry_at(list, *at, change);
  *at += sizeof entry + entry.key_size + (size_t)entry.old_size + entry.new_size;
  return true;
}

static bool undo_one(const struct change *change, struct version *version, uint64_t position)
{
  if (change->flags & (CHANGE_DROPPED | CHANGE_WORD))
    return true;
  if (change->flags & CHANGE_FILLED)
    return tree_clear(version, change->tree);
  struct tree_put put = {
    .tree = change->tree, .mode = PUT_ANY, .key = change->key, .row = change->old_row, .position = position};
  enum put_result result = change->has_old ? tree_put(version, &put) : tree_delete(version, &put);
  return result != PUT_NO_MEMORY;
}

int change_undo(struct change_list *list, size_t mark, struct version *version, uint64_t position, struct error *error)
{
  while (list->last != NO_ENTRY && list->last >= mark) {
    struct change change;
    struct entry entry = entry_at(list, list->last, &change);
    if (!undo_one(&change, version, position))
      return error_set(error, SQLSTATE_INTERNAL_ERROR, "out of memory while changes were undone");
    if (change.flags & CHANGE_MODES)
      list->modes = get_le32(change.old_row.data);
    if (change.flags & CHANGE_READY)
      buffer_deinit(&list->ready);
    list->bytes.size = list->last;
    list->last = entry.previous;
    tally(list, &change, (size_t)-1);
  }
  return STATUS_OK;
}

void change_finish(const struct change_list *list, struct version *version)
{
  if (!list->whole)
    return;
  struct change change;
  for (size_t at = 0; change_next(list, &at, &change);) {
    // Without memory the rows stay where nobody sees them; nothing else depends on it.
    if (change.flags & CHANGE_DROPPED)
      (void)tree_clear(version, change.tree);
  }
}

// --- Encoding -------------------------------------------------------------------------------------

static void append_varint(struct buffer *out, uint64_t v)
{
  uint8_t bytes[10];
  int size = 0;
  while (v >= 0x80) {
    bytes[size++] = (uint8_t)(v | 0x80);
    v >>= 7;
  }
  bytes[size++] = (uint8_t)v;
  buffer_append(out, bytes, (size_t)size);
}

static void append_sized(struct buffer *out, struct bytes bytes)
{
  append_varint(out, bytes.size);
  buffer_append_bytes(out, bytes);
}

static void encode_entry(struct buffer *out, tree_number tree, struct bytes key, bool has_new, struct bytes row)
{
  append_varint(out, (uint64_t)tree * 2 + has_new);
  append_sized(out, key);
  if (has_new)
    append_sized(out, row);
}

// The trees that the list has whole entries of.
struct whole_trees {
  tree_number *trees; // ascending
  uint8_t *flags;
  size_t count;
};

static void whole_add(struct whole_trees *whole, tree_number tree, uint8_t flags)
{
  size_t place = whole->count;
  while (place > 0 && whole->trees[place - 1] > tree)
    place--;
  if (place > 0 && whole->trees[place - 1] == tree) {
    whole->flags[place - 1] |= flags;
    return;
  }
  memmove(whole->trees + place + 1, whole->trees + place, (whole->count - place) * sizeof *whole->trees);
  memmove(whole->flags + place + 1, whole->flags + place, whole->count - place);
  whole->trees[place] = tree;
  whole->flags[place] = flags;
  whole->count++;
}

static bool whole_open(struct whole_trees *whole, const struct change_list *list)
{
  *whole = (struct whole_trees){0};
  if (!list->whole)
    return true;
  whole->trees = malloc(list->whole * sizeof *whole->trees);
  whole->flags = malloc(list->whole);
  if (!whole->trees || !whole->flags)
    return false;
  struct change change;
  for (size_t at = 0; change_next(list, &at, &change);)
    if (change.flags & (CHANGE_FILLED | CHANGE_DROPPED))
      whole_add(whole, change.tree, change.flags);
  return true;
}

// Is what became of the tree's rows told by an entry of the whole tree, and not by those of its keys?
static bool whole_tells(const struct whole_trees *whole, tree_number tree)
{
  size_t low = 0, high = whole->count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (whole->trees[middle] < tree)
      low = middle + 1;
    else
      high = middle;
  }
  return low < whole->count && whole->trees[low] == tree &&
         (whole->flags[low] & (CHANGE_READY | CHANGE_DROPPED)) != CHANGE_READY;
}

void change_encode_tree(const struct version *version, tree_number tree, struct buffer *out)
{
  struct cursor cursor;
  cursor_init(&cursor, version, tree, NULL);
  for (bool more = cursor_seek(&cursor, (struct bytes){0}); more && !out->failed; more = cursor_next(&cursor))
    encode_entry(out, tree, cursor.key, true, cursor.row);
  cursor_deinit(&cursor);
}

static size_t encode_filled(const struct change_list *list, const struct whole_trees *whole, const struct version *version,
                            struct buffer *out)
{
  size_t count = 0;
  for (size_t i = 0; i < whole->count; i++) {
    if (whole->flags[i] & (CHANGE_DROPPED | CHANGE_DERIVED))
      continue;
    count += tree_count(version, whole->trees[i]);
    if (whole->flags[i] & CHANGE_READY)
      buffer_append_bytes(out, buffer_bytes(&list->ready));
    else
      change_encode_tree(version, whole->trees[i], out);
  }
  return count;
}

// Is it told by an entry of its whole tree, or by nobody?
static bool is_told_elsewhere(const struct change *change, const struct whole_trees *whole)
{
  return change->flags & (CHANGE_DERIVED | CHANGE_FILLED | CHANGE_DROPPED) || whole_tells(whole, change->tree);
}

// Of a list that only adds rows: no key occurs twice.
static size_t encode_added(const struct change_list *list, const struct whole_trees *whole, struct buffer *out)
{
  size_t count = 0;
  struct change change;
  for (size_t at = 0; !out->failed && change_next(list, &at, &change);) {
    if (is_told_elsewhere(&change, whole))
      continue;
    encode_entry(out, change.tree, change.key, true, change.new_row);
    count++;
  }
  return count;
}

// First and last entry of one key.
struct pair {
  uint32_t first, last;
};

// A place of the hash table. The hash says of nearly all other keys that they are others, without a look at them.
struct slot {
  uint32_t pair; // its number + 1; 0: empty
  uint32_t hash;
};

struct compaction {
  struct pair *pairs;
  struct slot *slots;
  size_t pair_count, slot_mask;
};

static void compaction_add(struct compaction *compaction, const struct change_list *list, const struct change *change,
                           uint32_t offset, uint64_t hash)
{
  uint32_t high = (uint32_t)(hash >> 32);
  for (size_t place = hash & compaction->slot_mask;; place = (place + 1) & compaction->slot_mask) {
    struct slot *slot = &compaction->slots[place];
    if (!slot->pair) {
      compaction->pairs[compaction->pair_count++] = (struct pair){.first = offset, .last = offset};
      *slot = (struct slot){.pair = (uint32_t)compaction->pair_count, .hash = high};
      return;
    }
    if (slot->hash != high)
      continue;
    struct pair *pair = &compaction->pairs[slot->pair - 1];
    struct change other;
    entry_at(list, pair->first, &other);
    if (other.tree == change->tree && bytes_equal(other.key, change->key)) {
      pair->last = offset;
      return;
    }
  }
}

// Entries on their way into the table: their places are fetched from memory while others go before them.
enum { ON_THE_WAY = 16 };
struct arrival {
  struct change change;
  uint32_t offset;
  uint64_t hash;
};

static void compact(struct compaction *compaction, const struct change_list *list, const struct whole_trees *whole)
{
  struct arrival arrivals[ON_THE_WAY];
  size_t come = 0, gone = 0;
  struct change change;
  for (size_t at = 0, offset = 0; change_next(list, &at, &change); offset = at) {
    if (is_told_elsewhere(&change, whole))
      continue;
    if (come - gone == ON_THE_WAY) {
      const struct arrival *first = &arrivals[gone++ % ON_THE_WAY];
      compaction_add(compaction, list, &first->change, first->offset, first->hash);
    }
    uint64_t hash = hash64(change.key.data, change.key.size, change.tree);
    __builtin_prefetch(&compaction->slots[hash & compaction->slot_mask]);
    arrivals[come++ % ON_THE_WAY] = (struct arrival){.change = change, .offset = (uint32_t)offset, .hash = hash};
  }
  for (; gone < come; gone++) {
    const struct arrival *first = &arrivals[gone % ON_THE_WAY];
    compaction_add(compaction, list, &first->change, first->offset, first->hash);
  }
}

static size_t encode_pairs(const struct compaction *compaction, const struct change_list *list, struct buffer *out)
{
  size_t count = 0;
  for (size_t i = 0; i < compaction->pair_count; i++) {
    struct change first, last;
    entry_at(list, compaction->pairs[i].first, &first);
    entry_at(list, compaction->pairs[i].last, &last);
    if (first.has_old == last.has_new && (!first.has_old || bytes_equal(first.old_row, last.new_row)))
      continue;
    encode_entry(out, last.tree, last.key, last.has_new, last.new_row);
    count++;
  }
  return count;
}

static size_t encode_singles(const struct change_list *list, const struct whole_trees *whole, struct buffer *out)
{
  struct pair few_pairs[FEW];
  struct slot few_slots[FEW * 2];
  struct compaction compaction = {.pairs = few_pairs, .slots = few_slots};
  size_t slots = 4;
  while (slots < list->count * 2)
    slots *= 2;
  compaction.slot_mask = slots - 1;
  if (list->count > FEW) {
    compaction.pairs = malloc(list->count * sizeof *compaction.pairs);
    compaction.slots = calloc(slots, sizeof *compaction.slots);
  } else {
    memset(few_slots, 0, slots * sizeof *few_slots);
  }
  size_t count = 0;
  if (compaction.pairs && compaction.slots) {
    compact(&compaction, list, whole);
    count = encode_pairs(&compaction, list, out);
  } else {
    out->failed = true;
  }
  if (list->count > FEW) {
    free(compaction.pairs);
    free(compaction.slots);
  }
  return count;
}

size_t change_encode(const struct change_list *list, const struct version *version, struct bytes extra,
                     struct buffer *out)
{
  buffer_append_u8(out, PAYLOAD_VERSION);
  append_sized(out, extra);
  struct whole_trees whole;
  size_t count = 0;
  if (whole_open(&whole, list)) {
    count = encode_filled(list, &whole, version, out);
    count += list->replacing ? encode_singles(list, &whole, out) : encode_added(list, &whole, out);
  } else {
    out->failed = true;
  }
  free(whole.trees);
  free(whole.flags);
  return count;
}

void change_encode_touched(const struct change_list *list, const struct version *version, struct buffer *out)
{
  struct change change;
  for (size_t at = 0; !out->failed && change_next(list, &at, &change);) {
    struct bytes row = {0};
    if (change.flags & CHANGE_DERIVED)
      continue;
    bool is_there = tree_get(version, change.tree, change.key, &row, NULL);
    encode_entry(out, change.tree, change.key, is_there, row);
  }
}

// --- Reading --------------------------------------------------------------------------------------

static int malformed(struct error *error)
{
  return error_set(error, SQLSTATE_DATA_CORRUPTED, "malformed change list in the log");
}

static bool read_varint(struct change_reader *reader, uint64_t *v)
{
  *v = 0;
  for (int shift = 0; shift < 63 && reader->at < reader->payload.size; shift += 7) {
    uint8_t byte = reader->payload.data[reader->at++];
    *v |= (uint64_t)(byte & 0x7f) << shift;
    if (!(byte & 0x80))
      return true;
  }
  return false;
}

static bool read_sized(struct change_reader *reader, size_t limit, struct bytes *bytes)
{
  uint64_t size;
  if (!read_varint(reader, &size) || size > limit || size > reader->payload.size - reader->at)
    return false;
  *bytes = bytes_of(reader->payload.data + reader->at, size);
  reader->at += size;
  return true;
}

int change_reader_open(struct change_reader *reader, struct bytes payload, struct error *error)
{
  *reader = (struct change_reader){.payload = payload};
  if (payload.size == 0)
    return malformed(error);
  if (payload.data[0] != PAYLOAD_VERSION)
    return error_set(error, SQLSTATE_DATA_CORRUPTED, "a change list in the log has format version %d, not %d",
                     payload.data[0], PAYLOAD_VERSION);
  reader->at = 1;
  return read_sized(reader, payload.size, &reader->extra) ? STATUS_OK : malformed(error);
}

int change_read(struct change_reader *reader, struct change *change, struct error *error)
{
  if (reader->at == reader->payload.size)
    return 0;
  uint64_t head;
  *change = (struct change){0};
  if (!read_varint(reader, &head) || head / 2 >= TREE_NUMBER_LIMIT || !read_sized(reader, LIMIT_KEY, &change->key))
    return malformed(error);
  change->tree = (tree_number)(head / 2);
  change->has_new = head & 1;
  if (change->has_new && !read_sized(reader, LIMIT_ROW, &change->new_row))
    return malformed(error);
  return 1;
}

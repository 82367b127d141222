// Coding and decoding of segments, records and their names. Nothing here touches a disk.
#include "log/segment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"

static const char magic[8] = {'Q', 'U', 'E', 'R', 'N', 'L', 'O', 'G'};
static const char *const prefixes[] = {[SEGMENT_LOG] = "log-", [SEGMENT_SPARE] = "spare-"};

bool segment_list_add(struct segment_list *list, const struct segment *segment)
{
  if (list->count == list->capacity) {
    size_t capacity = list->capacity ? list->capacity * 2 : 16;
    struct segment *items = realloc(list->items, capacity * sizeof *items);
    if (!items)
      return false;
    list->items = items;
    list->capacity = capacity;
  }
  list->items[list->count++] = *segment;
  return true;
}

void segment_list_remove(struct segment_list *list, size_t index)
{
  list->count--;
  memmove(list->items + index, list->items + index + 1, (list->count - index) * sizeof *list->items);
}

void segment_name(enum segment_kind kind, uint64_t serial, char name[DISK_NAME])
{
  snprintf(name, DISK_NAME, "%s%016" PRIx64, prefixes[kind], serial);
}

bool segment_parse_name(const char *name, enum segment_kind *kind, uint64_t *serial)
{
  for (int i = SEGMENT_LOG; i <= SEGMENT_SPARE; i++) {
    size_t size = strlen(prefixes[i]);
    if (strncmp(name, prefixes[i], size) != 0 || strlen(name + size) != 16 ||
        strspn(name + size, "0123456789abcdef") != 16)
      continue;
    *kind = (enum segment_kind)i;
    *serial = strtoull(name + size, NULL, 16);
    // The last numbers are never reached by counting; refusing them keeps serial + 1 from wrapping.
    return *serial > 0 && *serial < UINT64_MAX / 2;
  }
  return false;
}

void segment_encode_header(const struct segment *segment, uint64_t log_id, uint8_t header[SEGMENT_HEADER])
{
  memset(header, 0, SEGMENT_HEADER);
  memcpy(header, magic, sizeof magic);
  put_le32(header + 8, SEGMENT_VERSION);
  put_le32(header + 12, SEGMENT_HEADER);
  put_le64(header + 16, log_id);
  put_le64(header + 24, segment->serial);
  put_le64(header + 32, segment->start.position);
  put_le32(header + 40, segment->start.chunk);
  put_le32(header + 44, segment->is_reused);
  put_le64(header + 48, segment->segment_size);
  put_le64(header + 56, hash64(header, 56, 0));
}

enum header_state segment_decode_header(const uint8_t *bytes, size_t size, struct segment *segment,
                                        struct header_read *read)
{
  if (size < SEGMENT_HEADER_USED || memcmp(bytes, magic, sizeof magic) != 0 ||
      get_le64(bytes + 56) != hash64(bytes, 56, 0))
    return HEADER_BROKEN;
  *read = (struct header_read){
      .version = get_le32(bytes + 8), .log_id = get_le64(bytes + 16), .serial = get_le64(bytes + 24)};
  if (read->version > SEGMENT_VERSION)
    return HEADER_NEWER;
  segment->start = (struct place){.position = get_le64(bytes + 32), .chunk = get_le32(bytes + 40)};
  segment->is_reused = get_le32(bytes + 44) != 0;
  segment->segment_size = get_le64(bytes + 48);
  bool is_sane = get_le32(bytes + 12) == SEGMENT_HEADER && segment->segment_size <= SEGMENT_MAX &&
                 segment->segment_size >= SEGMENT_MIN && segment->start.position > 0 && read->log_id != 0;
  return is_sane ? HEADER_VALID : HEADER_BROKEN;
}

uint64_t segment_seed(uint64_t log_id, uint64_t serial)
{
  uint8_t both[16];
  put_le64(both, log_id);
  put_le64(both + 8, serial);
  return hash64(both, sizeof both, SEGMENT_VERSION);
}

void record_append(struct buffer *out, const struct record *record, uint64_t seed)
{
  size_t length = record->payload.size, size = record_size(length);
  uint8_t *at = buffer_extend(out, size);
  if (!at)
    return;
  put_le32(at + 4, (uint32_t)length);
  put_le64(at + 8, record->place.position);
  put_le32(at + 16, record->durable);
  put_le32(at + 20, record->place.chunk);
  put_le32(at + 24, record->type);
  put_le32(at + 28, 0);
  put_le64(at + 32, hash64(record->payload.data, length, seed));
  put_le32(at, (uint32_t)hash64(at + 4, RECORD_HEADER - 4, seed));
  if (length)
    memcpy(at + RECORD_HEADER, record->payload.data, length);
  memset(at + RECORD_HEADER + length, 0, size - RECORD_HEADER - length);
}

enum record_state record_read(struct bytes segment, uint64_t offset, uint64_t seed, struct record *record)
{
  if (offset > segment.size || segment.size - offset < RECORD_HEADER)
    return RECORD_NONE;
  const uint8_t *at = segment.data + offset;
  uint32_t length = get_le32(at + 4), type = get_le32(at + 24);
  if (type < RECORD_ATOM || type > RECORD_LAST || length > LOG_CHUNK ||
      get_le32(at) != (uint32_t)hash64(at + 4, RECORD_HEADER - 4, seed))
    return RECORD_NONE;
  *record = (struct record){
      .place = {.position = get_le64(at + 8), .chunk = get_le32(at + 20)},
      .type = (enum record_type)type,
      .durable = get_le32(at + 16),
      .payload = {.data = at + RECORD_HEADER, .size = length},
  };
  if (segment.size - offset - RECORD_HEADER < length ||
      get_le64(at + 32) != hash64(record->payload.data, length, seed))
    return RECORD_TORN;
  return RECORD_WHOLE;
}

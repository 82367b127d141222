// A process is a number and the moment of its start: what has a number that another one had took all its time since then.
#include "connect/processes.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROCESSES_MAXIMUM = 65536 };

static bool reserve(struct processes *processes)
{
  if (processes->count < processes->capacity)
    return true;
  int capacity = processes->capacity ? 2 * processes->capacity : 256;
  if (capacity > PROCESSES_MAXIMUM)
    return false;
  struct process *list = realloc(processes->list, sizeof *list * (size_t)capacity);
  if (list)
    processes->list = list;
  int *ranks = list ? realloc(processes->ranks, sizeof *ranks * (size_t)capacity) : NULL;
  if (!ranks)
    return false;
  processes->ranks = ranks;
  processes->capacity = capacity;
  return true;
}

void processes_free(struct processes *processes)
{
  free(processes->list);
  free(processes->ranks);
  *processes = (struct processes){0};
}

// "pid (name) state …": the name may have blanks and parentheses, and ends with the last one. What is no UTF-8 in it
// becomes a question mark.
static bool read_one(int pid, int64_t page, struct process *process)
{
  char path[48], line[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE *file = fopen(path, "re");
  size_t size = file ? fread(line, 1, sizeof line - 1, file) : 0;
  if (file)
    fclose(file);
  line[size] = 0;
  char *name = strchr(line, '('), *end = strrchr(line, ')');
  uint64_t user, system, started;
  int64_t pages;
  if (!name || !end || end < name ||
      sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
                      " %*d %*d %*d %*d %*d %*d %" SCNu64 " %*u %" SCNd64, &user, &system, &started, &pages) != 4)
    return false;
  *process = (struct process){.pid = pid, .started = started, .ticks = user + system, .memory = pages * page};
  *end = 0;
  snprintf(process->name, sizeof process->name, "%s", name + 1);
  for (char *at = process->name; *at; at++)
    if ((unsigned char)*at >= 128 || (unsigned char)*at < 32)
      *at = '?';
  return true;
}

static int by_number(const void *a, const void *b)
{
  const struct process *left = a, *right = b;
  return (left->pid > right->pid) - (left->pid < right->pid);
}

void processes_read(struct processes *processes)
{
  int64_t page = sysconf(_SC_PAGESIZE);
  DIR *folder = opendir("/proc");
  processes->count = 0;
  for (struct dirent *entry; folder && (entry = readdir(folder));) {
    int pid = atoi(entry->d_name);
    if (pid > 0 && reserve(processes) && read_one(pid, page, &processes->list[processes->count]))
      processes->count++;
  }
  if (folder)
    closedir(folder);
  if (processes->count)
    qsort(processes->list, (size_t)processes->count, sizeof *processes->list, by_number);
}

static int by_time(const void *a, const void *b, void *context)
{
  const struct process *list = context, *left = &list[*(const int *)a], *right = &list[*(const int *)b];
  if (left->spent != right->spent)
    return left->spent > right->spent ? -1 : 1;
  return by_number(left, right);
}

void processes_rank(struct processes *processes, const struct processes *before)
{
  for (int i = 0, old = 0; i < processes->count; i++) {
    struct process *process = &processes->list[i];
    while (old < before->count && before->list[old].pid < process->pid)
      old++;
    bool was_there = old < before->count && before->list[old].pid == process->pid &&
                     before->list[old].started == process->started && before->list[old].ticks <= process->ticks;
    process->spent = process->ticks - (was_there ? before->list[old].ticks : 0);
    processes->ranks[i] = i;
  }
  if (processes->count)
    qsort_r(processes->ranks, (size_t)processes->count, sizeof *processes->ranks, by_time, processes->list);
}

const struct process *processes_ranked(const struct processes *processes, int rank)
{
  return &processes->list[processes->ranks[rank]];
}

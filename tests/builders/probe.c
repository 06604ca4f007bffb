/* One static program that tells what a container lets it do, or misbehaves as asked. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static void print_file(const char *path) {
  char buffer[4096];
  ssize_t count;
  int file = open(path, O_RDONLY);
  if (file < 0) {
    printf("%s: %s\n", path, strerror(errno));
    return;
  }
  while ((count = read(file, buffer, sizeof buffer)) > 0) fwrite(buffer, 1, count, stdout);
  close(file);
}

static void write_file(const char *path) {
  int file = open(path, O_CREAT | O_WRONLY, 0600);
  int written = file < 0 ? -1 : (int)write(file, "x", 1);
  printf("%s: %s\n", path, written == 1 ? "written" : strerror(errno));
}

static void spew(int stream, long left) {
  static char buffer[65536];
  memset(buffer, 'x', sizeof buffer);
  while (left > 0) {
    ssize_t count = write(stream, buffer, left < 65536 ? left : 65536);
    if (count <= 0) exit(8);
    left -= count;
  }
}

int main(int count, char **word) {
  const char *what = count > 1 ? word[1] : "";
  if (!strcmp(what, "env"))
    for (char **item = environ; *item; item++) puts(*item);
  else if (!strcmp(what, "print"))
    for (int i = 2; i < count; i++) print_file(word[i]);
  else if (!strcmp(what, "write"))
    for (int i = 2; i < count; i++) write_file(word[i]);
  else if (!strcmp(what, "id"))
    printf("%d %d %s %d\n", getuid(), getgid(), getcwd(0, 0), (int)read(0, &count, 1));
  else if (!strcmp(what, "spew"))
    for (int i = 2; i + 1 < count; i += 2) spew(atoi(word[i]), atol(word[i + 1]));
  else if (!strcmp(what, "eat"))
    for (;;) memset(malloc(1 << 20), 1, 1 << 20);
  else if (!strcmp(what, "fork"))
    for (;;) fork();
  else if (!strcmp(what, "hang"))
    for (;;) pause();
  else if (!strcmp(what, "exit"))
    return atoi(word[2]);
  else /* asked as an interpreter would be: a pip that says what it likes */
    printf("[{\"name\": \"Probe_Lies\", \"version\": \"%d\"}]\n", count);
  return 0;
}

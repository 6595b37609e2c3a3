package scripttest

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"unsafe"
)

// Terminal opens a pseudo-terminal, pty(7): what is written to the master is typed.
// Where the system has none the test is skipped, and fails in CI.
func Terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil && os.Getenv("CI") == "" {
		t.Skip("no pseudo-terminals here: ", err)
	}
	if err != nil {
		t.Fatal("no pseudo-terminals here: ", err)
	}
	var unlock, number int32
	if err := errors.Join(Ioctl(master, syscall.TIOCSPTLCK, unsafe.Pointer(&unlock)), Ioctl(master, syscall.TIOCGPTN, unsafe.Pointer(&number))); err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close(); _ = slave.Close() })
	return master, slave
}

// Ioctl is ioctl(2).
func Ioctl(f *os.File, request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), request, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}

// Finds Node's functions in the program that loads the addon, whatever it is called. The linker's own helper
// would look for a file called node.exe.
#include <windows.h> // first: delayimp.h needs it

#include <delayimp.h>
#include <string.h>

static FARPROC WINAPI answer(unsigned question, PDelayLoadInfo about) {
  if (question != dliNotePreLoadLibrary || _stricmp(about->szDll, "node.exe") != 0) return nullptr;
  return reinterpret_cast<FARPROC>(::GetModuleHandleW(nullptr));
}

extern "C" {
PfnDliHook __pfnDliNotifyHook2 = answer;
}

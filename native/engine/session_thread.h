// What a thread of a receiving session throws ends the session and becomes its error.
#pragma once
#include "engine/device_failure.h"
#include "engine/port_failure.h"
#include "engine/session_inbox.h"

namespace volley {

template <class Work> void runSessionThread(SessionInbox& inbox, Work&& work) {
  try {
    work();
  } catch (const EngineError& error) {
    inbox.fail(error);
  } catch (const DeviceError& error) {
    inbox.fail(fromDevice(error));
  } catch (const PortError& error) {
    inbox.fail(fromPort(code::socket, "the network cannot be used", error));
  } catch (const std::bad_alloc&) {
    inbox.fail(EngineError(code::outOfMemory, "no memory to go on"));
  } catch (const std::system_error& error) {
    EngineError failure(code::outOfMemory, "a thread cannot be started");
    inbox.fail(failure.system(error.code().value(), "pthread_create"));
  }
}

} // namespace volley

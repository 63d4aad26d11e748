// One upload by tus: it tries again after interruptions, and resumes what an earlier page has begun.

import { token } from "../updates/csrf_token.js";

const CHUNK = 16 * 1024 ** 2; // bytes; a proxy may keep each request until it is complete
const DELAYS = [0, 1000, 2000, 4000, 8000, 15000, 15000, 30000, 30000, 30000]; // milliseconds, since the last progress
const FULL = 507;

const LOST = "The portal cannot be reached. What has arrived is kept. Resume the upload when the portal is available.";
const SIGNED_OUT = "You are signed out. What has arrived is kept. Sign in in another tab, then resume the upload.";
const GONE = "This upload no longer exists. Add the image again.";

const statusOf = (error) => error.originalResponse?.getStatus() ?? 0;

// What went wrong: errors of fields or a text, and whether the upload has ended with it.
function failure(error) {
  const status = statusOf(error);
  const body = error.originalResponse?.getBody() ?? "";
  const kind = error.originalResponse?.getHeader("Content-Type") ?? "";
  if (status === 422 && kind.startsWith("application/json")) return { errors: JSON.parse(body).errors, final: true };
  if (status === 404 || (status === 410 && !body)) return { errors: { __all__: [GONE] }, final: true };
  if (status === 401) return { text: SIGNED_OUT };
  if (kind.startsWith("text/plain") && body.trim()) {
    return status === 410 ? { errors: { __all__: [body.trim()] }, final: true } : { text: body.trim() };
  }
  if (status === 403) return { errors: { __all__: ["You may not add images. Ask an operator."] }, final: true };
  if (status === 413) return { errors: { __all__: ["The file is larger than the portal or its proxy allows."] }, final: true };
  return { text: status ? `The portal answers with the HTTP status ${status}. Resume the upload later.` : LOST };
}

export class Sending {
  constructor(file, target, { progress, retrying, done, failed }) {
    this.options = {
      ...target,
      chunkSize: CHUNK,
      retryDelays: DELAYS,
      removeFingerprintOnSuccess: true,
      onBeforeRequest: (request) => request.setHeader("X-CSRFToken", token() ?? ""),
      onProgress: progress,
      onShouldRetry: (error) => {
        const status = statusOf(error);
        const again = !status || status === 409 || (status >= 500 && status !== FULL);
        if (again) retrying();
        return again;
      },
      onSuccess: done,
      onError: (error) => failed(failure(error)),
    };
    this.file = file;
  }

  async start() {
    if (!this.upload) {
      this.upload = new globalThis.tus.Upload(this.file, this.options);
      const { name, hypervisor } = this.options.metadata ?? {};
      const earlier = name ? await this.upload.findPreviousUploads() : [];
      const same = earlier.find(({ metadata }) => metadata.name === name && metadata.hypervisor === hypervisor);
      if (same) this.upload.resumeFromPreviousUpload(same);
    }
    this.upload.start();
  }

  pause() {
    return this.upload?.abort();
  }

  async discard() {
    try {
      await this.upload?.abort(true);
    } catch {
      // the server deletes what nobody continues
    }
  }
}

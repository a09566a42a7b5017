/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The contestant grpc: calls by the asynchronous interface of gRPC for C++, with plain bytes for
 * request and reply (its generic service). One completion queue at each side, served by the thread
 * that sends. The one file that knows gRPC, and that is C++.
 * Knows nothing of what is measured.
 */
#include <cerrno>
#include <chrono>
#include <memory>
#include <string>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

extern "C" {
#include "tests/bench/work/contestant.h"

extern const struct contestant contestant_grpc;
}

namespace
{

constexpr char method[] = "/bench.Echo/Call";
constexpr unsigned awaited = 128; /* calls that may begin at once; more than are made */

struct call;

struct end {
	take_fn take;
	void *arg;
	int err; /* a call that did not end in order */
	/* The side that dials. */
	std::unique_ptr<grpc::CompletionQueue> answers;
	std::unique_ptr<grpc::GenericStub> stub;
	/* The side that listens. */
	grpc::AsyncGenericService service;
	std::unique_ptr<grpc::ServerCompletionQueue> requests;
	std::unique_ptr<grpc::Server> server;
	struct call *answering; /* whose request is being handed over */
	unsigned n_open; /* calls that have begun and not ended */
};

/* Something that a completion queue has a word for. */
struct call {
	virtual void proceed(struct end *e, bool ok) = 0;
	virtual void answer(struct end *e, const grpc::ByteBuffer &reply) = 0;
	virtual ~call() = default;
};

grpc::ByteBuffer buffer_of(const void *data, size_t len)
{
	grpc::Slice slice(data, len);

	return grpc::ByteBuffer(&slice, 1);
}

void hand_over(struct end *e, const grpc::ByteBuffer &buffer)
{
	grpc::Slice slice;

	if (!buffer.TrySingleSlice(&slice).ok() && !buffer.DumpToSingleSlice(&slice).ok())
		e->err = -EIO;
	else
		e->take(e->arg, slice.begin(), slice.size());
}

std::chrono::system_clock::time_point deadline()
{
	return std::chrono::system_clock::now() + std::chrono::milliseconds(END_WAIT_MS);
}

/* ---- the side that asks ---- */

struct asked : call {
	grpc::ClientContext context;
	grpc::ByteBuffer reply;
	grpc::Status status;
	std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;

	void proceed(struct end *e, bool ok) override
	{
		if (ok && status.ok())
			hand_over(e, reply);
		else
			e->err = -ECONNABORTED;
		delete this;
	}

	void answer(struct end *, const grpc::ByteBuffer &) override
	{
	}
};

void ask(struct end *e, const grpc::ByteBuffer &request)
{
	struct asked *a = new asked;

	a->reader = e->stub->PrepareUnaryCall(&a->context, method, request, e->answers.get());
	a->reader->StartCall();
	a->reader->Finish(&a->reply, &a->status, a);
}

int dial(struct end *e, const std::string &address)
{
	std::shared_ptr<grpc::Channel> channel =
		grpc::CreateChannel(address, grpc::InsecureChannelCredentials());

	if (!channel->WaitForConnected(deadline()))
		return -ETIMEDOUT;
	e->answers = std::make_unique<grpc::CompletionQueue>();
	e->stub = std::make_unique<grpc::GenericStub>(channel);
	return 0;
}

/* ---- the side that answers ---- */

struct served : call {
	enum { AWAITED, READING, FINISHING } state = AWAITED;
	grpc::GenericServerContext context;
	grpc::GenericServerAsyncReaderWriter stream{ &context };
	grpc::ByteBuffer request;

	explicit served(struct end *e)
	{
		e->service.RequestCall(&context, &stream, e->requests.get(), e->requests.get(),
				       this);
	}

	void proceed(struct end *e, bool ok) override
	{
		if (ok && state == AWAITED) {
			new served(e);
			e->n_open++;
			state = READING;
			stream.Read(&request, this);
			return;
		}
		if (ok && state == READING) {
			state = FINISHING;
			e->answering = this;
			hand_over(e, request);
			e->answering = nullptr;
			return;
		}
		e->n_open -= state != AWAITED;
		delete this;
	}

	void answer(struct end *, const grpc::ByteBuffer &reply) override
	{
		stream.WriteAndFinish(reply, grpc::WriteOptions(), grpc::Status::OK, this);
	}
};

int listen(struct end *e, const std::string &address)
{
	grpc::ServerBuilder builder;

	builder.AddListeningPort(address, grpc::InsecureServerCredentials());
	builder.RegisterAsyncGenericService(&e->service);
	e->requests = builder.AddCompletionQueue();
	e->server = builder.BuildAndStart();
	if (!e->server)
		return -EADDRINUSE;
	for (unsigned i = 0; i < awaited; i++)
		new served(e);
	return 0;
}

/* ---- as struct contestant has them ---- */

grpc::CompletionQueue *queue_of(struct end *e)
{
	return e->server ? e->requests.get() : e->answers.get();
}

int receive(void *end)
{
	struct end *e = static_cast<struct end *>(end);
	void *tag;
	bool ok;

	if (queue_of(e)->AsyncNext(&tag, &ok, deadline()) != grpc::CompletionQueue::GOT_EVENT)
		return -ETIMEDOUT;
	static_cast<struct call *>(tag)->proceed(e, ok);
	return e->err;
}

int send_one(void *end, const void *data, size_t len)
{
	struct end *e = static_cast<struct end *>(end);

	if (e->answering)
		e->answering->answer(e, buffer_of(data, len));
	else
		ask(e, buffer_of(data, len));
	return 0;
}

int flush(void *)
{
	return 0;
}

/* All answers are on their way. */
int drain(void *end)
{
	struct end *e = static_cast<struct end *>(end);
	int err = 0;

	while (!err && e->n_open)
		err = receive(e);
	return err;
}

void close_end(void *end)
{
	struct end *e = static_cast<struct end *>(end);
	grpc::CompletionQueue *queue = queue_of(e);
	void *tag;
	bool ok;

	if (e->server)
		e->server->Shutdown(std::chrono::system_clock::now());
	if (queue)
		queue->Shutdown();
	while (queue && queue->Next(&tag, &ok))
		delete static_cast<struct call *>(tag);
	delete e;
}

int open_end(const struct end_options *opt, void **ret_end)
{
	std::string address = std::string(opt->net) + ".2:" + std::to_string(opt->port);
	struct end *e = new end();
	int err;

	*ret_end = e;
	e->take = opt->take;
	e->arg = opt->arg;
	err = opt->listens ? listen(e, address) : dial(e, address);
	if (err)
		close_end(e);
	return err;
}

} /* namespace */

extern "C" const struct contestant contestant_grpc = {
	"grpc", open_end, send_one, flush, receive, drain, close_end, nullptr,
};

// Netty sends a text three times to an echo, each time when the last one is back, and prints the number of echoes and the
// close code: Netty URL TEXT plain|forget|keep. `keep` is its default handler, which refuses client_no_context_takeover.

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.http.DefaultHttpHeaders;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketClientHandshakerFactory;
import io.netty.handler.codec.http.websocketx.WebSocketClientProtocolHandler;
import io.netty.handler.codec.http.websocketx.WebSocketClientProtocolHandler.ClientHandshakeStateEvent;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketVersion;
import io.netty.handler.codec.http.websocketx.extensions.WebSocketClientExtensionHandler;
import io.netty.handler.codec.http.websocketx.extensions.compression.PerMessageDeflateClientExtensionHandshaker;
import io.netty.handler.codec.http.websocketx.extensions.compression.WebSocketClientCompressionHandler;
import java.net.URI;
import java.util.concurrent.TimeUnit;

public class Netty extends SimpleChannelInboundHandler<WebSocketFrame> {
    private final String text;
    private int echoes = 0;

    Netty(String text) {
        this.text = text;
    }

    public static void main(String[] args) throws Exception {
        URI url = new URI(args[0]);
        NioEventLoopGroup group = new NioEventLoopGroup(1);
        Bootstrap client = new Bootstrap().group(group).channel(NioSocketChannel.class);
        client.handler(new ChannelInitializer<SocketChannel>() {
            @Override
            protected void initChannel(SocketChannel channel) {
                channel.pipeline().addLast(new HttpClientCodec(), new HttpObjectAggregator(8192));
                if (args[2].equals("keep")) {
                    channel.pipeline().addLast(WebSocketClientCompressionHandler.INSTANCE);
                } else if (args[2].equals("forget")) {
                    channel.pipeline().addLast(new WebSocketClientExtensionHandler(
                            new PerMessageDeflateClientExtensionHandshaker(6, false, 15, true, false)));
                }
                channel.pipeline().addLast(new WebSocketClientProtocolHandler(
                        WebSocketClientHandshakerFactory.newHandshaker(
                                url, WebSocketVersion.V13, null, true, new DefaultHttpHeaders()), false));
                channel.pipeline().addLast(new Netty(args[1]));
            }
        });
        try {
            client.connect(url.getHost(), url.getPort()).sync().channel().closeFuture().sync();
        } finally {
            group.shutdownGracefully(0, 1, TimeUnit.SECONDS);
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event == ClientHandshakeStateEvent.HANDSHAKE_COMPLETE) {
            ctx.writeAndFlush(new TextWebSocketFrame(text));
        }
    }

    @Override
    protected void channelRead0(ChannelHandlerContext ctx, WebSocketFrame frame) {
        if (frame instanceof CloseWebSocketFrame) {
            System.out.println(echoes + " " + ((CloseWebSocketFrame) frame).statusCode());
            ctx.close();
        } else if (frame instanceof TextWebSocketFrame && ((TextWebSocketFrame) frame).text().equals(text)) {
            echoes++;
            ctx.writeAndFlush(echoes < 3 ? new TextWebSocketFrame(text) : new CloseWebSocketFrame(1000, ""));
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        System.out.println("refused: " + cause.getMessage());
        ctx.close();
    }
}

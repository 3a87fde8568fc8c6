/** Emoji of the group "things": the glyph, then words to find it by, in English and Chinese. */

export const things = `
📱 phone mobile 手机
💻 laptop computer 电脑
🖥️ desktop computer 电脑
⌨️ keyboard 键盘
🖱️ mouse 鼠标
🖨️ printer 打印机
📷 camera photo 相机
📺 television tv 电视
📞 telephone call 电话
🔋 battery 电池
🔌 plug power 插头
💡 idea bulb light 灯泡 想法
🔦 flashlight 手电
🕯️ candle 蜡烛
⏰ alarm clock time 闹钟 时间
⌚ watch 手表
⏳ hourglass wait 沙漏 等
💰 money bag 钱
💵 dollar cash 美元 钱
💳 credit card 信用卡
🧧 red envelope hongbao 红包
🏮 lantern 灯笼
🧨 firecracker 鞭炮
🎆 fireworks 烟花
💎 gem diamond ruby 钻石
🔧 wrench fix tool 扳手 修
🔨 hammer 锤子
🛠️ tools build 工具
⚙️ gear settings 设置 齿轮
🧰 toolbox 工具箱
🧪 test tube 试管 测试
🔬 microscope 显微镜
🔭 telescope 望远镜
💊 pill medicine 药
💉 syringe vaccine 针 疫苗
🩹 bandage patch 创可贴
🧹 broom clean 扫帚 打扫
🧻 toilet paper 卫生纸
🚪 door 门
🛏️ bed 床
🛒 shopping cart 购物车
📦 package box 包裹 快递
📧 email mail 邮件
📬 mailbox 邮箱
📝 memo note 笔记 备忘
📄 document page 文件
📁 folder 文件夹
📅 calendar date 日历 日期
📈 chart up growth 上涨 增长
📉 chart down 下跌
📊 bar chart 图表
📌 pin 图钉
📎 paperclip attach 回形针 附件
✂️ scissors cut 剪刀
📏 ruler 尺子
📚 books 书
📖 open book read 读书
🔖 bookmark 书签
🔗 link 链接
🔒 lock closed secure 锁 安全
🔓 unlock open 解锁
🔑 key 钥匙
🛡️ shield 盾
🔍 search magnifier 搜索
🗑️ trash bin 垃圾桶
👑 crown king 皇冠
👓 glasses 眼镜
👔 shirt tie 衬衫
👗 dress 裙子
👟 sneaker shoe 鞋
👜 handbag 包
🎒 backpack 书包
☂️ umbrella 伞
`;
